"""Networks whose labels do not exclude each other: from which score on a label applies, and how well that fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.card import Card

HALF = 0.5
"""The threshold of a label that no clip has."""


def best_thresholds(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return for each label the score from which on it applies that gives the largest F1.

    `scores` and `truth` are (n, labels). Thresholds lie halfway between two scores; of equally good ones, the lowest.
    """
    return tuple(_best(*columns) for columns in zip(scores.T.astype(np.float64), truth.T, strict=True))


def measures(scores: NDArray[np.float32], truth: NDArray[np.bool_], thresholds: tuple[float, ...]) -> dict[str, float]:
    """Return the mean over labels of average precision, `mAP`, and of F1 at the thresholds, `macro_f1`.

    Labels that no clip has are left out.
    """
    present = [number for number in range(truth.shape[1]) if truth[:, number].any()]
    f1 = [_f1(scores[:, number] >= thresholds[number], truth[:, number]) for number in present]
    precision = [_average_precision(scores[:, number], truth[:, number]) for number in present]
    return {"mAP": round(float(np.mean(precision)), 4), "macro_f1": round(float(np.mean(f1)), 4)}


def measured(card: Card, scores: NDArray[np.float32], expected: NDArray[np.float32], truth: NDArray[np.bool_]) -> Card:
    """Return a card of a multi-label network with thresholds and measures; of any other, the card as it is.

    The thresholds are chosen on the Keras model's scores, `expected` (n, labels), so that all its files have the same.
    """
    if not card.multi_label or not len(truth):
        return card
    thresholds = tuple(round(threshold, 4) for threshold in best_thresholds(expected, truth))
    return replace(card, thresholds=thresholds, metrics=measures(scores, truth, thresholds))


def _best(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    if not truth.any():
        return HALF
    values = np.unique(scores)
    candidates = [values[0] / 2, *((values[1:] + values[:-1]) / 2)]
    return float(max(candidates, key=lambda threshold: _f1(scores >= threshold, truth)))


def _f1(applies: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * int(np.sum(applies & truth)) / max(1, int(np.sum(applies)) + int(np.sum(truth)))


def _average_precision(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the mean of the precision at each clip that has the label, the clips ordered by falling score.

    Clips of equal score count as one step.
    """
    values = np.unique(scores[truth])
    hits = [(scores >= value) for value in values]
    weights = [np.sum(scores[truth] == value) for value in values]
    return float(np.average([np.sum(hit & truth) / np.sum(hit) for hit in hits], weights=weights))
