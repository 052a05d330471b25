"""What networks accept, whichever their front end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Inputs = NDArray[Any]
"""Network inputs, (n, ...): uint8 where a picture or its cells are integers of 0..255, else float32."""


def batch_of(value: Inputs) -> NDArray[np.float32]:
    """Return one network input as a batch of one, float32."""
    return value[np.newaxis].astype(np.float32)
