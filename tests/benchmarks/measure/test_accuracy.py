"""Accuracy and its comparison with float32, on an engine whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.measure.accuracy import BATCH, detail, paired_difference, predict, score
from tests.cards import example_card
from toolkit.artifact.card import Card
from toolkit.errors import EngineError
from toolkit.measure.metrics import wilson_interval


class BrightnessEngine:
    """Scores the class whose number is the value of a picture's first pixel, or returns NaN for 255."""

    name, threads = "brightness", 1
    card: Card

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        assert batch.dtype == np.float32
        values = batch[:, 0, 0, 0]
        scores = np.eye(10, dtype=np.float32)[values.astype(int) % 10]
        scores[values == 255] = np.nan
        return scores


def pictures_of(numbers: list[int]) -> NDArray[np.uint8]:
    """Return a picture for every class number."""
    pictures = np.zeros((len(numbers), 288, 432, 3), np.uint8)
    pictures[:, 0, 0, 0] = numbers
    return pictures


@pytest.mark.parametrize("n", [1, BATCH - 1, BATCH, 2 * BATCH + 3])
def test_predictions_keep_the_order_over_batches(n: int) -> None:
    numbers = [number % 7 for number in range(n)]
    seen: list[tuple[int, int]] = []
    predicted = predict(BrightnessEngine(), pictures_of(numbers), lambda done, total: seen.append((done, total)))
    assert predicted.shape == (n, 10) and predicted.argmax(axis=1).tolist() == numbers
    assert seen[-1] == (n, n)


def test_values_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(EngineError, match="not finite"):
        predict(BrightnessEngine(), pictures_of([1, 255]), lambda done, total: None)


@pytest.mark.parametrize("scores", [[0.0, 0.0], [1.5, -0.5]])
def test_scores_that_are_no_probabilities_are_an_error(scores: list[float]) -> None:
    class Odd(BrightnessEngine):
        def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.tile(np.array(scores, np.float32), (len(batch), 1))

    with pytest.raises(EngineError, match="no probabilities"):
        predict(Odd(), pictures_of([1, 2]), lambda done, total: None)


def test_score_counts_and_has_the_interval() -> None:
    measured = score(np.array([0, 1, 2, 3]), np.array([0, 1, 2, 9]))
    assert (measured.n, measured.correct, measured.accuracy) == (4, 3, 0.75)
    assert measured.wilson95 == wilson_interval(3, 4)


def test_compare_counts_changes_and_tests_them_exactly() -> None:
    truth = np.zeros(10, np.int64)
    reference = np.array([0] * 8 + [1, 1])
    this = np.array([1, 1, 1, 1, 1, 0, 0, 0, 2, 0])
    paired = paired_difference(this, reference, truth)
    # samples 0 to 4: only float32 right; 9: only this right; 8: both wrong, in different ways
    assert (paired.changed, paired.only_this, paired.only_reference) == (7, 1, 5)
    assert paired.p == pytest.approx(2 * (1 + 6) / 2**6)


def test_a_model_equals_itself() -> None:
    labels = np.array([3, 1, 2])
    assert paired_difference(labels, labels, np.array([3, 3, 3])).p == 1


def test_the_detail_of_known_scores() -> None:
    card = example_card(labels=tuple("abcdefg"))
    scores = np.full((4, 7), 0.02, np.float32)
    scores[[0, 1, 2, 3], [0, 1, 1, 6]] = 0.88
    scores[3, 0] = 0.0  # below all others: the true class is the seventh
    details = detail(scores, np.array([0, 1, 2, 0]), card)
    assert details.top5 == 0.75  # in a tie with the four others, class 2 counts as in
    assert details.confusion[0] == (1, 0, 0, 0, 0, 0, 1) and details.confusion[2] == (0, 1, 0, 0, 0, 0, 0)
    assert details.per_class["b"].precision == 0.5 and details.per_class["b"].recall == 1
    confidence = (3 * 0.88 + 0.88 / 0.98) / 4
    assert details.calibration_error == pytest.approx(confidence - 0.5, abs=1e-6)
    assert detail(2 * scores, np.array([0, 1, 2, 0]), card) == details


def test_five_classes_have_no_top_five() -> None:
    card = example_card(labels=tuple("abcde"))
    assert detail(np.eye(5, dtype=np.float32), np.arange(5), card).top5 is None
