"""What passes between the loaders, the training loop and its display; free of TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Part:
    """One part of a split, in memory: names, pictures uint8 (n, 288, 432, 3), labels int32 (n,)."""

    names: tuple[str, ...]
    pictures: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Progress:
    """What the loop tells while it works: the epoch (from 1), the step in it, and a done epoch's history."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    finished: dict[str, Any] | None = None
