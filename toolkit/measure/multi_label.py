"""How well scores of labels that do not exclude each other fit, and from which score on a label applies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

HALF = 0.5
"""The threshold of a label that no sample has."""


@dataclass(frozen=True)
class LabelScore:
    """One label: of `n` samples that have it and `active` ones whose score reaches its threshold, `hits` are both.

    Precision hits / active, recall hits / n and F1 2 hits / (active + n) are 0 where they are undefined.
    `average_precision` is None where no sample has the label.
    """

    n: int
    active: int
    hits: int
    precision: float
    recall: float
    f1: float
    average_precision: float | None


def average_precision(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the average precision of a label: sum over the distinct scores of (R_k - R_k-1) P_k, from the highest on.

    P_k and R_k are precision and recall of the samples that score at least the k-th, so that a tie is one step, and
    nothing is interpolated (M. Zhu, "Recall, Precision and Average Precision", 2004; scikit-learn's
    `average_precision_score`). `scores` is (n,), `truth` (n,) booleans, one of which is true.
    """
    _, active, hits = _curve(scores, truth)
    return float(np.sum(np.diff(hits, prepend=0) * hits / active) / hits[-1])


def mean_average_precision(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean of the average precisions of the labels that a sample has; both are (n, labels).

    Raises `ValueError` where no sample has a label.
    """
    columns = zip(np.asarray(scores).T, np.asarray(truth, bool).T, strict=True)
    precisions = [average_precision(*column) for column in columns if column[1].any()]
    if not precisions:
        raise ValueError("no sample has a label")
    return float(np.mean(precisions))


def best_thresholds(scores: ArrayLike, truth: ArrayLike) -> tuple[float, ...]:
    """Return for each label the score from which on it applies that gives the largest F1, to six digits.

    `scores` and `truth` are (n, labels). A threshold lies halfway between two scores, or below the lowest at its half;
    of equally good ones, it is the lowest. A label that no sample has gets 0.5. (Z. Lipton et al., "Optimal
    Thresholding of Classifiers to Maximize F1 Measure", 2014, choose the same way.)
    """
    columns = zip(np.asarray(scores).T, np.asarray(truth).T, strict=True)
    return tuple(float(f"{_best(*column):.6g}") for column in columns)


def _best(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    if not truth.any():
        return HALF
    values, active, hits = _curve(scores, truth)
    f1 = 2 * hits / (active + hits[-1])
    place = int(np.flatnonzero(f1 == f1.max())[-1])
    return float((values[place] + (values[place + 1] if place + 1 < len(values) else 0)) / 2)


def label_scores(scores: ArrayLike, truth: ArrayLike, thresholds: ArrayLike) -> list[LabelScore]:
    """Return each label's scores; `scores` and `truth` are (n, labels), `thresholds` (labels,)."""
    values, present = np.asarray(scores), np.asarray(truth, bool)
    applies = values >= np.asarray(thresholds)
    result = []
    for label in range(present.shape[1]):
        n, active = int(present[:, label].sum()), int(applies[:, label].sum())
        hits = int((applies & present)[:, label].sum())
        precision, recall, f1 = (_share(*pair) for pair in ((hits, active), (hits, n), (2 * hits, active + n)))
        ap = average_precision(values[:, label], present[:, label]) if n else None
        result.append(LabelScore(n, active, hits, precision, recall, f1, ap))
    return result


def averages(scores: list[LabelScore]) -> dict[str, float]:
    """Return `mAP` and `macro_f1`, the means over the labels that a sample has, and `micro_f1`, of all together.

    Micro F1 is 2 sum(hits) / (sum(active) + sum(n)). Raises `ValueError` where no sample has a label.
    """
    precisions = [score.average_precision for score in scores if score.average_precision is not None]
    if not precisions:
        raise ValueError("no sample has a label")
    hits, total = sum(score.hits for score in scores), sum(score.active + score.n for score in scores)
    return {
        "mAP": float(np.mean(precisions)),
        "macro_f1": float(np.mean([score.f1 for score in scores if score.n])),
        "micro_f1": 2 * hits / total,
    }


def _curve(scores: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct scores, falling, and how many samples, and hits among them, score at least each."""
    values = np.asarray(scores, np.float64)
    order = np.argsort(-values, kind="stable")
    falling = values[order]
    ends = np.flatnonzero(np.diff(falling, append=-np.inf))
    return falling[ends], ends + 1, np.cumsum(np.asarray(truth)[order], dtype=np.int64)[ends]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
