"""Whether one network is better than another by more than chance, on the clips of a few recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from toolkit.measure.metrics import mcnemar

CHANCE = 0.05
"""The largest p of a difference that counts as one."""


def is_better(new: ArrayLike, old: ArrayLike, recordings: Sequence[str]) -> bool:
    """Return whether `new` scores (clips,) are above `old` ones in more recordings than chance explains.

    It is McNemar's exact test of the recordings in which the sums differ: takes of one recording are no independent
    clips.
    """
    above, below, p = compared(new, old, recordings)
    return above > below and p < CHANCE


def compared(new: ArrayLike, old: ArrayLike, recordings: Sequence[str]) -> tuple[int, int, float]:
    """Return in how many recordings the `new` scores (clips,) are higher and lower in all, and the two-sided p."""
    _, groups = np.unique(recordings, return_inverse=True)
    difference = np.bincount(groups, weights=np.subtract(new, old, dtype=np.float64))
    return mcnemar(difference > 0, difference < 0)


def smallest_p(old: ArrayLike, recordings: Sequence[str]) -> float:
    """Return p where a network were better in each recording that `old` scores (clips,) leave below 1 in a clip."""
    _, _, p = compared(np.ones(len(recordings)), old, recordings)
    return p


def verdict(result: dict[str, Any]) -> str:
    """Return what became of the fine-tuned network, without a full stop."""
    counts = f"{result['better']} validation recordings are better and {result['worse']} worse, p = {result['p']:.2g}"
    if result["kept"]:
        return f"fine-tuning is kept, as it is better by more than chance: {counts}"
    return f"the frozen network is kept, as fine-tuning is not better by more than chance: {counts}"
