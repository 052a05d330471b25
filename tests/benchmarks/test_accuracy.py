"""Accuracy and its comparison with float32, on an engine whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.accuracy import BATCH, compare, predict, score
from toolkit.card import Card
from toolkit.errors import EngineError
from toolkit.metrics import wilson_interval


class BrightnessEngine:
    """Says the class whose number is a picture's value in its first pixel, or gives NaN for 255."""

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
    assert predicted.tolist() == numbers
    assert seen[-1] == (n, n)


def test_values_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(EngineError, match="not finite"):
        predict(BrightnessEngine(), pictures_of([1, 255]))


def test_score_counts_and_gives_the_interval() -> None:
    measured = score(np.array([0, 1, 2, 3]), np.array([0, 1, 2, 9]))
    assert (measured.n, measured.correct, measured.accuracy) == (4, 3, 0.75)
    assert measured.wilson95 == wilson_interval(3, 4)


def test_compare_counts_changes_and_tests_them_exactly() -> None:
    truth = np.zeros(10, np.int64)
    reference = np.array([0] * 8 + [1, 1])
    this = np.array([1, 1, 1, 1, 1, 0, 0, 0, 2, 0])
    paired = compare(this, reference, truth)
    # samples 0 to 4: only float32 right; 9: only this right; 8: both wrong, in different ways
    assert (paired.changed, paired.only_this, paired.only_reference) == (7, 1, 5)
    assert paired.p == pytest.approx(2 * (1 + 6) / 2**6)


def test_a_model_equals_itself() -> None:
    labels = np.array([3, 1, 2])
    assert compare(labels, labels, np.array([3, 3, 3])).p == 1
