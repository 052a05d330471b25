"""How good predictions are, and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z95 = NormalDist().inv_cdf(0.975)
"""Half-width of a two-sided 95 % interval in standard deviations: 1.95996..."""


@dataclass(frozen=True)
class ClassScore:
    """One class's precision, recall and F1 (each 0 where it is undefined) and its number of samples `n`."""

    precision: float
    recall: float
    f1: float
    n: int


def accuracy(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of samples whose highest probability is the true class (the lowest class number wins a tie).

    Parameters
    ----------
    probabilities
        (n, classes), any scores whose order counts.
    labels
        (n,) whole class numbers.

    Raises
    ------
    ValueError
        If the shapes do not fit, a score is not finite, or there is no sample.
    """
    scores, truth = _checked(probabilities, labels)
    return float(np.mean(scores.argmax(axis=1) == truth))


def top_k_accuracy(probabilities: ArrayLike, labels: ArrayLike, k: int) -> float:
    """Return the share of samples with fewer than `k` classes scored above the true one (so a tie counts as in).

    This is what Keras' `SparseTopKCategoricalAccuracy` measures. Shapes and errors are those of `accuracy`.
    """
    scores, truth = _checked(probabilities, labels)
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"k is {k}: it must be 1 to {scores.shape[1]}, the number of classes")
    above = (scores > scores[np.arange(len(truth)), truth][:, None]).sum(axis=1)
    return float(np.mean(above < k))


def blues_in_top5(probabilities: ArrayLike) -> float:
    """Return the share of samples with class 0 among the five highest, whatever the truth.

    This, not a top-5 accuracy, is what the paper printed: with integer labels Keras' `TopKCategoricalAccuracy` takes
    the argmax of an axis of length one, which is always 0.
    """
    scores = np.asarray(probabilities)
    return top_k_accuracy(scores, np.zeros(len(scores), np.int64), min(5, scores.shape[1]))


def wald_interval(k: float, n: float) -> tuple[float, float]:
    """Return the 95 % Wald interval of the proportion k/n, p +- z sqrt(p (1 - p) / n), cut to [0, 1]."""
    _check_count(k, n)
    p = k / n
    half = Z95 * math.sqrt(p * (1 - p) / n)
    return max(0.0, p - half), min(1.0, p + half)


def wilson_interval(k: float, n: float) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of the proportion k/n (Wilson 1927, without continuity correction)."""
    _check_count(k, n)
    p, z2 = k / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


def effective_count(sizes: Iterable[int]) -> float:
    """Return the effective sample size of groups of `sizes` clips: n^2 / sum(size^2).

    It is n over the design effect 1 + (b - 1) rho for rho = 1 (L. Kish, Survey Sampling, 1965): the clips of a group
    count as all right or all wrong together, so that an interval errs on the wide side. N. Dean and M. Pagano (J. of
    Survey Statistics and Methodology 3, 2015) recommend Wilson intervals of an effective sample size for groups.
    """
    sizes = list(sizes)
    return sum(sizes) ** 2 / sum(size**2 for size in sizes)


def grouped_interval(correct: int, groups: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % Wilson interval of `correct` clips, each of which is of one of `groups`, one name per clip."""
    effective = effective_count(Counter(groups).values())
    return wilson_interval(min(effective, correct * effective / len(groups)), effective)


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Return counts (classes, classes): row the true class, column the predicted one.

    Raises
    ------
    ValueError
        If the two differ in length or hold anything but class numbers 0 to classes - 1.
    """
    truth, guess = _class_numbers(labels, classes), _class_numbers(predicted, classes)
    if len(truth) != len(guess):
        raise ValueError(f"{len(truth)} labels and {len(guess)} predictions: each sample needs both")
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, guess), 1)
    return matrix


def per_class(confusion: ArrayLike, names: Sequence[str]) -> dict[str, ClassScore]:
    """Return every class's scores from a confusion matrix (row true, column predicted)."""
    matrix = np.asarray(confusion)
    expected_shape = (len(names), len(names))
    if matrix.shape != expected_shape:
        raise ValueError(f"the confusion matrix is {matrix.shape}: {len(names)} names need {expected_shape}")
    scores = {}
    for number, name in enumerate(names):
        hits, guessed, n = int(matrix[number, number]), int(matrix[:, number].sum()), int(matrix[number].sum())
        f1 = 2 * hits / (guessed + n) if guessed + n else 0.0
        scores[name] = ClassScore(hits / guessed if guessed else 0.0, hits / n if n else 0.0, f1, n)
    return scores


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error (Guo et al. 2017): how far confidence and accuracy are apart, on average.

    Samples are sorted by the probability of their most probable class into `bins` bins of equal width; each bin's
    distance between mean confidence and accuracy counts as often as it has samples. Shapes and errors are those of
    `accuracy`; the probabilities of a sample must add up to 1.
    """
    scores, truth = _checked(probabilities, labels)
    if bins < 1:
        raise ValueError(f"bins is {bins}: there must be 1 or more")
    if scores.min() < 0 or not np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        raise ValueError("calibration needs probabilities: 0 or more, and 1 in all for every sample")
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def area_under_roc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Return the probability that a positive's score (n,) is above a negative's (m,), a tie counting as half.

    It is the area under the receiver operating characteristic (J. Hanley, B. McNeil, 1982).
    """
    high, low = np.asarray(positives, np.float64), np.sort(np.asarray(negatives, np.float64))
    if not len(high) or not len(low):
        raise ValueError("the area needs a positive and a negative")
    below, up_to = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + up_to).mean() / (2 * len(low)))


def two_proportion_z(k1: int, n1: int, k2: int, n2: int) -> tuple[float, float]:
    """Return z and the two-sided p of the pooled two-proportion test of k1/n1 against k2/n2 (independent samples)."""
    _check_count(k1, n1)
    _check_count(k2, n2)
    pooled = (k1 + k2) / (n1 + n2)
    deviation = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    if deviation == 0:
        return 0.0, 1.0
    z = (k1 / n1 - k2 / n2) / deviation
    return z, math.erfc(abs(z) / math.sqrt(2))


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[int, int, float]:
    """Compare two classifiers on the same samples with McNemar's exact test.

    Parameters
    ----------
    correct_a, correct_b
        (n,) booleans: whether each classifier was right.

    Returns
    -------
    only_a, only_b, p
        Samples only the one got right, and the two-sided binomial p of a difference as large, were both equally good.
    """
    a, b = np.asarray(correct_a), np.asarray(correct_b)
    if a.dtype != np.bool_ or b.dtype != np.bool_ or a.ndim != 1 or a.shape != b.shape:
        raise ValueError("McNemar's test needs two equally long one-dimensional arrays of booleans")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n = only_a + only_b
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1))
    return only_a, only_b, min(1.0, 2 * tail / 2**n)


def _checked(probabilities: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    scores = np.asarray(probabilities)
    if scores.ndim != 2 or scores.size == 0:
        raise ValueError(f"probabilities must be (n, classes) with n > 0, not {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("probabilities hold values that are not finite")
    truth = _class_numbers(labels, scores.shape[1])
    if len(truth) != len(scores):
        raise ValueError(f"{len(truth)} labels and {len(scores)} rows of probabilities: each sample needs both")
    return scores, truth


def _class_numbers(values: ArrayLike, classes: int) -> NDArray[np.int64]:
    numbers = np.asarray(values)
    if numbers.ndim != 1 or (numbers.size and not np.issubdtype(numbers.dtype, np.integer)):
        raise ValueError("class numbers must be a one-dimensional array of whole numbers")
    if numbers.size and (numbers.min() < 0 or numbers.max() >= classes):
        raise ValueError(f"class numbers must be 0 to {classes - 1}")
    return numbers.astype(np.int64)


def _check_count(k: float, n: float) -> None:
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a proportion: n must be at least 1 and k between 0 and n")
