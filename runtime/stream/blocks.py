"""Types that all sources of endless sound share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Blocks = Iterator[NDArray[np.float32] | None]
"""Samples (n, channels), or None at a gap: sound after it does not continue sound before it."""
Report = Callable[[str], None]
"""Called with a sentence."""
