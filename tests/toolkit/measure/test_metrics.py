"""Metrics: published values, properties, and refusals."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.measure import metrics

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_wald_interval_matches_the_paper() -> None:
    assert metrics.wald_interval(89, 199) == pytest.approx((0.378, 0.516), abs=5e-4)
    # The paper prints 0.567 for the upper end: a misprint.
    assert metrics.wald_interval(105, 199) == pytest.approx((0.458, 0.597), abs=5e-4)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_matches_newcombe_1998(k: int, n: int, low: float, high: float) -> None:
    assert metrics.wilson_interval(k, n) == pytest.approx((low, high), abs=5e-5)


@given(counts)
def test_wilson_interval_solves_its_definition(count: tuple[int, int]) -> None:
    """An end p of the interval is where the score test is just significant: (k/n - p)^2 n = z^2 p (1 - p)."""
    k, n = count
    for p in metrics.wilson_interval(k, n):
        assert (k / n - p) ** 2 * n == pytest.approx(metrics.Z95**2 * p * (1 - p), abs=1e-9)


@given(counts)
def test_intervals_hold_the_proportion_and_mirror(count: tuple[int, int]) -> None:
    k, n = count
    for interval in (metrics.wald_interval, metrics.wilson_interval):
        low, high = interval(k, n)
        assert 0 <= low <= k / n <= high <= 1
        assert interval(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts, st.integers(2, 50))
def test_intervals_shrink_with_more_samples(count: tuple[int, int], factor: int) -> None:
    k, n = count
    low, high = metrics.wilson_interval(k, n)
    nearer = metrics.wilson_interval(k * factor, n * factor)
    assert nearer[1] - nearer[0] < high - low


def test_the_two_networks_of_the_paper_do_not_differ_significantly() -> None:
    z, p = metrics.two_proportion_z(105, 199, 89, 199)
    assert z == pytest.approx(1.60, abs=5e-3)
    assert p == pytest.approx(0.11, abs=5e-3)


@given(counts, counts)
def test_two_proportion_z_is_antisymmetric(first: tuple[int, int], second: tuple[int, int]) -> None:
    z, p = metrics.two_proportion_z(*first, *second)
    back, same = metrics.two_proportion_z(*second, *first)
    assert back == pytest.approx(-z)
    assert same == pytest.approx(p)
    assert 0 <= p <= 1
    assert np.sign(z) == np.sign(first[0] * second[1] - second[0] * first[1])


def test_two_proportion_z_of_equal_certainties() -> None:
    assert metrics.two_proportion_z(5, 5, 9, 9) == (0.0, 1.0)


def test_mcnemar_exact_values() -> None:
    a = np.array([True] * 9 + [False] * 1 + [True] * 30)
    b = np.array([False] * 9 + [True] * 1 + [True] * 30)
    assert metrics.mcnemar(a, b) == pytest.approx((9, 1, 22 / 1024))
    assert metrics.mcnemar(a, a) == (0, 0, 1.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=400))
def test_mcnemar_is_symmetric(pairs: list[tuple[bool, bool]]) -> None:
    a, b = (np.array([pair[side] for pair in pairs], dtype=bool) for side in (0, 1))
    only_a, only_b, p = metrics.mcnemar(a, b)
    assert metrics.mcnemar(b, a) == (only_b, only_a, p)
    assert 0 < p <= 1


def test_accuracy_and_top_k() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25], [0.3, 0.3, 0.4]])
    truth = [0, 1, 2, 1]
    assert metrics.accuracy(scores, truth) == 0.25
    assert metrics.top_k_accuracy(scores, truth, 1) == 0.25
    # The tie in the last row counts as in.
    assert metrics.top_k_accuracy(scores, truth, 2) == 0.75
    assert metrics.top_k_accuracy(scores, truth, 3) == 1.0


def test_blues_in_top5_ignores_the_truth() -> None:
    """Ten classes; class 0 is the sixth in one row of four, so the paper's metric gives 3/4."""
    scores = np.tile(np.linspace(1, 0.1, 10), (4, 1))
    scores[3, 0] = 0.45
    assert metrics.blues_in_top5(scores) == 0.75
    assert metrics.top_k_accuracy(scores, [9, 9, 9, 9], 5) == 0.0


@pytest.mark.slow
def test_blues_in_top5_is_what_keras_measures_with_integer_labels() -> None:
    keras = pytest.importorskip("tf_keras")
    rng = np.random.default_rng(3)
    scores = rng.dirichlet(np.ones(10), 199).astype(np.float32)
    truth = rng.integers(0, 10, 199)
    wrong = keras.metrics.TopKCategoricalAccuracy(5)
    wrong.update_state(truth[:, None], scores)
    right = keras.metrics.SparseTopKCategoricalAccuracy(5)
    right.update_state(truth[:, None], scores)
    assert metrics.blues_in_top5(scores) == pytest.approx(float(wrong.result()), abs=1e-6)
    assert metrics.top_k_accuracy(scores, truth, 5) == pytest.approx(float(right.result()), abs=1e-6)


@given(st.integers(2, 12), st.lists(st.integers(0, 11), min_size=1, max_size=60), st.integers(0, 99))
def test_top_k_rises_to_one(classes: int, truth: list[int], seed: int) -> None:
    labels = np.array(truth) % classes
    scores = np.random.default_rng(seed).random((len(labels), classes))
    shares = [metrics.top_k_accuracy(scores, labels, k) for k in range(1, classes + 1)]
    assert shares == sorted(shares)
    assert shares[0] == metrics.accuracy(scores, labels)
    assert shares[-1] == 1.0


def test_confusion_and_per_class() -> None:
    matrix = metrics.confusion_matrix([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 1], 4)
    assert matrix.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    scores = metrics.per_class(matrix, ["a", "b", "c", "d"])
    assert astuple(scores["a"]) == pytest.approx((1.0, 2 / 3, 0.8, 3))
    assert astuple(scores["b"]) == pytest.approx((1 / 3, 0.5, 0.4, 2))
    assert scores["c"] == metrics.ClassScore(0.0, 0.0, 0.0, 1)
    assert scores["d"] == metrics.ClassScore(0.0, 0.0, 0.0, 0)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=80))
def test_confusion_accounts_for_every_sample(pairs: list[tuple[int, int]]) -> None:
    truth, guess = ([pair[side] for pair in pairs] for side in (0, 1))
    matrix = metrics.confusion_matrix(truth, guess, 5)
    scores = metrics.per_class(matrix, list("abcde"))
    assert {(i, j): n for (i, j), n in np.ndenumerate(matrix) if n} == Counter(pairs)
    for number, score in enumerate(scores.values()):
        hits = pairs.count((number, number))
        assert score.n == truth.count(number)
        assert score.recall == pytest.approx(hits / max(1, truth.count(number)))
        assert score.precision == pytest.approx(hits / max(1, guess.count(number)))
        product, total = score.precision * score.recall, score.precision + score.recall
        assert score.f1 == pytest.approx(2 * product / total if total else 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.wald_interval(3, 2), "3 of 2 is not a proportion"),
        (lambda: metrics.wilson_interval(0, 0), "0 of 0 is not a proportion"),
        (lambda: metrics.accuracy([[0.1, 0.9]], [2]), "0 to 1"),
        (lambda: metrics.accuracy([[0.1, 0.9]], [0.5]), "whole numbers"),
        (lambda: metrics.accuracy([[0.1, float("nan")]], [0]), "not finite"),
        (lambda: metrics.accuracy(np.zeros((0, 3)), []), "n > 0"),
        (lambda: metrics.accuracy([[0.1, 0.9]], [0, 1]), "2 labels and 1 rows"),
        (lambda: metrics.top_k_accuracy([[0.1, 0.9]], [0], 3), "k is 3"),
        (lambda: metrics.confusion_matrix([0, 1], [0], 2), "2 labels and 1 predictions"),
        (lambda: metrics.per_class([[1]], ["a", "b"]), "2 names"),
        (lambda: metrics.mcnemar([0, 1], [1, 1]), "booleans"),
    ],
)
def test_refusals(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call()


def test_calibration_error_by_hand() -> None:
    # Two bins of 0.5: one sample at 0.4 that is right, three at 0.8 of which one is.
    scores = np.array([[0.4, 0.3, 0.3], [0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.8, 0.1, 0.1]])
    truth = np.array([0, 0, 1, 1])
    assert metrics.calibration_error(scores, truth, bins=2) == pytest.approx((0.6 + 3 * (0.8 - 1 / 3)) / 4)
    assert metrics.calibration_error(scores, truth, bins=1) == pytest.approx(abs(0.7 - 0.5))
    assert metrics.calibration_error(np.eye(3), np.arange(3)) == 0


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_who_is_as_sure_as_right_is_calibrated(n: int, seed: int) -> None:
    """A network that always says 1 - 1/n and is wrong once in n is off by nothing; its error is 0 to 1 else."""
    scores = np.tile([1 - 1 / n, 1 / n], (n, 1)) if n > 1 else np.array([[1.0, 0.0]])
    truth = np.zeros(n, np.int64)
    truth[seed % n] = 1 if n > 2 else 0
    error = metrics.calibration_error(scores, truth)
    assert error == pytest.approx(0, abs=1e-9) if n > 2 else 0 <= error <= 1


@pytest.mark.parametrize("scores", [[[0.5, 0.6]], [[-0.1, 1.1]], [[2.0, 3.0]]])
def test_calibration_needs_probabilities(scores: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="1 in all"):
        metrics.calibration_error(scores, [0])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_the_area_counts_pairs_in_order(positives: list[int], negatives: list[int]) -> None:
    pairs = [(high > low) + (high == low) / 2 for high in positives for low in negatives]
    assert metrics.area_under_roc(positives, negatives) == pytest.approx(np.mean(pairs))


def test_the_area_needs_both() -> None:
    with pytest.raises(ValueError, match="a positive and a negative"):
        metrics.area_under_roc([1.0], [])
