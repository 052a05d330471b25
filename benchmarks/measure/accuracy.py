"""How often a model is right, and whether it is right as often as the float32 model it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.engines.load import Engine
from toolkit.artifact.card import Card
from toolkit.errors import EngineError
from toolkit.measure.metrics import (
    ClassScore,
    calibration_error,
    confusion_matrix,
    grouped_interval,
    mcnemar,
    per_class,
    top_k_accuracy,
    wilson_interval,
)
from toolkit.measure.temperature import at_temperature
from toolkit.parallel import Progress

BATCH = 16


@dataclass(frozen=True)
class Accuracy:
    """`correct` of `n` samples, their share and its 95 % Wilson interval."""

    n: int
    correct: int
    accuracy: float
    wilson95: tuple[float, float]


@dataclass(frozen=True)
class Detail:
    """What lies behind an accuracy.

    `top5` is the share of samples whose true class is among the five most probable, None where there are five classes
    or fewer; `calibration_error` the expected one at the card's temperature, in 15 bins. `confusion` has a row for each
    true class, a column for each predicted one. `truth` and `predicted` are the samples' class numbers, `clips` the
    SHA-256 of their files, in one order; `clips` is empty where a result does not record them.
    """

    top5: float | None
    calibration_error: float
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_class: dict[str, ClassScore]
    truth: tuple[int, ...]
    predicted: tuple[int, ...]
    clips: tuple[str, ...] = ()


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


def predict(engine: Engine, pictures: NDArray[np.uint8], progress: Progress) -> NDArray[np.float32]:
    """Return an engine's scores, float32 (n, classes), of `pictures`, uint8 (n, 288, 432, 3).

    Raises `EngineError` if the model cannot run, or returns values that are not finite, or no probabilities.
    """
    batches = []
    for start in range(0, len(pictures), BATCH):
        scores = engine.run(pictures[start : start + BATCH].astype(np.float32))
        if not np.isfinite(scores).all():
            raise EngineError("the model returns values that are not finite: export it again")
        if scores.min() < 0 or scores.sum(axis=1).min() <= 0:
            raise EngineError("the model returns scores that are no probabilities: export it again")
        batches.append(scores)
        progress(min(start + BATCH, len(pictures)), len(pictures))
    return np.concatenate(batches)


def detail(scores: NDArray[np.float32], truth: NDArray[np.int64], card: Card, clips: tuple[str, ...] = ()) -> Detail:
    """Return what lies behind the accuracy of `scores` (n, classes) where `truth` (n,) are the right class numbers."""
    values = scores.astype(np.float64)
    values /= values.sum(axis=1, keepdims=True)  # an integer network's are off by a few steps
    predicted = values.argmax(axis=1)
    matrix = confusion_matrix(truth, predicted, len(card.labels))
    return Detail(
        top5=top_k_accuracy(values, truth, 5) if len(card.labels) > 5 else None,
        calibration_error=calibration_error(at_temperature(values, card.temperature), truth),
        labels=card.labels,
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        per_class=per_class(matrix, card.labels),
        truth=tuple(truth.tolist()),
        predicted=tuple(predicted.tolist()),
        clips=clips,
    )


def score(predicted: NDArray[np.int64], truth: NDArray[np.int64], recordings: Sequence[str] | None = None) -> Accuracy:
    """Return the accuracy of class numbers `predicted` (n,) where `truth` (n,) are the right ones.

    Clips of one of `recordings`, (n,), are not independent: the interval allows for it.
    """
    n, correct = len(truth), int((predicted == truth).sum())
    interval = wilson_interval(correct, n) if recordings is None else grouped_interval(correct, recordings)
    return Accuracy(n, correct, correct / n, interval)


def paired_difference(predicted: NDArray[np.int64], reference: NDArray[np.int64], truth: NDArray[np.int64]) -> Paired:
    """Return how class numbers `predicted` (n,) differ from those of the `reference` model on the same samples."""
    only_this, only_reference, p = mcnemar(predicted == truth, reference == truth)
    return Paired(int((predicted != reference).sum()), only_this, only_reference, p)
