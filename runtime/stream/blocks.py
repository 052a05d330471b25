"""What every source of endless sound yields, and how it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Blocks = Iterator[NDArray[np.float32] | None]
"""Samples (n, channels), or None where sound was lost: what follows does not continue what was before."""
Report = Callable[[str], None]
"""Called with a sentence."""
