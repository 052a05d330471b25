"""How often a model is right, and whether it is right as often as the float32 model it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.engines import Engine
from toolkit.errors import EngineError
from toolkit.metrics import mcnemar, wilson_interval

BATCH = 16


@dataclass(frozen=True)
class Accuracy:
    """`correct` of `n` samples, their share and its 95 % Wilson interval."""

    n: int
    correct: int
    accuracy: float
    wilson95: tuple[float, float]


@dataclass(frozen=True)
class Paired:
    """A model against the float32 one on the same samples.

    `changed` labels differ; `only_this` samples only this model gets right, `only_reference` only float32 does; `p` is
    McNemar's exact two-sided probability of so uneven a pair, were both equally good.
    """

    changed: int
    only_this: int
    only_reference: int
    p: float


def predict(
    engine: Engine, pictures: NDArray[np.uint8], progress: Callable[[int, int], None] | None = None
) -> NDArray[np.int64]:
    """Return the class number that `engine` gives every picture.

    Parameters
    ----------
    pictures
        uint8 (n, 288, 432, 3).
    progress
        Called as `progress(done, total)`.

    Returns
    -------
    int64 (n,)

    Raises
    ------
    EngineError
        If the model cannot run, or gives values that are not finite.
    """
    labels = np.empty(len(pictures), np.int64)
    for start in range(0, len(pictures), BATCH):
        scores = engine.run(pictures[start : start + BATCH].astype(np.float32))
        if not np.isfinite(scores).all():
            raise EngineError("the model gives values that are not finite: export it again")
        labels[start : start + len(scores)] = scores.argmax(axis=1)
        if progress is not None:
            progress(min(start + BATCH, len(pictures)), len(pictures))
    return labels


def score(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> Accuracy:
    """Return the accuracy of class numbers `predicted` (n,) where `truth` (n,) are the right ones."""
    n, correct = len(truth), int((predicted == truth).sum())
    return Accuracy(n, correct, correct / n, wilson_interval(correct, n))


def compare(predicted: NDArray[np.int64], reference: NDArray[np.int64], truth: NDArray[np.int64]) -> Paired:
    """Return how class numbers `predicted` (n,) differ from those of the `reference` model on the same samples."""
    only_this, only_reference, p = mcnemar(predicted == truth, reference == truth)
    return Paired(int((predicted != reference).sum()), only_this, only_reference, p)
