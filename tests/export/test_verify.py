"""The gates: what they measure, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.verify import Reference, extra_pictures, measure
from tests.cards import example_card
from toolkit.errors import ArtifactError
from toolkit.metrics import wilson_interval

N = 40
EXTRA = extra_pictures((2, 2, 3))


class Recorded:
    """An engine that gives recorded scores, one row a call."""

    name, threads = "recorded", 1

    def __init__(self, scores: Any, quantization: str) -> None:
        self.card = example_card(quantization=quantization)
        self.rows = iter(scores)

    def run(self, batch: Any) -> Any:
        return np.stack([next(self.rows) for _ in batch])


def keras(right: int, confidence: float = 0.9) -> Reference:
    """Return a Keras model's answers on N pictures of class 0, `right` of them right."""
    first = np.where(np.arange(N + len(EXTRA)) < right, confidence, 1 - confidence)
    probabilities = np.stack([first, 1 - first], axis=1).astype(np.float32)
    pictures = np.concatenate([np.zeros((N, 2, 2, 3), np.uint8), EXTRA])
    return Reference(pictures, probabilities, np.zeros(N, np.int64))


def test_what_is_measured() -> None:
    expected = keras(30)
    found = expected.probabilities.copy()
    found[29] = found[29][::-1]
    measured = measure(Recorded(found, "int8"), expected, "validation")
    assert (measured.accuracy.n, measured.accuracy.correct, measured.accuracy.accuracy) == (N, 29, 29 / N)
    assert measured.accuracy.wilson95 == wilson_interval(29, N)
    assert measured.parity.top1_agreement == 39 / 40
    assert measured.parity.keras_correct == 30
    assert measured.parity.pictures == N + len(EXTRA)
    assert measured.parity.max_abs == 0.8


def test_float32_may_not_differ() -> None:
    expected = keras(30)
    assert measure(Recorded(expected.probabilities + np.float32(5e-6), "none"), expected, "validation")
    for place in (0, N, N + len(EXTRA) - 1):  # a real picture, the first noise, the last flat one
        found = expected.probabilities.copy()
        found[place, 0] += 3e-5
        with pytest.raises(ArtifactError, match="refused: the float32 model is .*e-05 off Keras"):
            measure(Recorded(found, "none"), expected, "validation")


def test_int8_may_lose_a_little_and_no_more() -> None:
    expected = keras(36)
    assert measure(Recorded(keras(34).probabilities, "int8"), expected, "validation").accuracy.correct == 34
    for quantization in ("int8", "dynamic", "float16"):
        with pytest.raises(ArtifactError, match="refused"):
            measure(Recorded(keras(20).probabilities, quantization), expected, "validation")
    message = "right on 20 of 40 validation pictures, Keras on 36, more than --max-drop 1 points fewer"
    with pytest.raises(ArtifactError, match=f"{message}.*: give it more pictures"):
        measure(Recorded(keras(20).probabilities, "int8"), expected, "validation")
    with pytest.raises(ArtifactError, match=f"{message}.*: use another precision"):
        measure(Recorded(keras(20).probabilities, "dynamic"), expected, "validation")
    assert measure(Recorded(keras(20).probabilities, "int8"), expected, "validation", max_drop=40)


def test_float16_may_differ_by_its_rounding_alone() -> None:
    expected = keras(30)
    assert measure(Recorded(expected.probabilities + np.float32(5e-3), "float16"), expected, "validation")
    with pytest.raises(ArtifactError, match="refused: the float16 model is 0.02 off Keras in a probability, over 0.01"):
        measure(Recorded(expected.probabilities + np.float32(2e-2), "float16"), expected, "validation")


def test_scores_that_are_not_finite_are_refused() -> None:
    expected = keras(36)
    found = expected.probabilities.copy()
    found[-1, 0] = np.nan
    for quantization in ("none", "int8"):
        with pytest.raises(ArtifactError, match="not finite"):
            measure(Recorded(found, quantization), expected, "validation")


def test_extra_pictures_are_noise_and_single_colours() -> None:
    spread = extra_pictures((288, 432, 3)).reshape(7, -1).std(axis=1)
    assert (spread[:4] > 70).all() and (spread[4:] == 0).all()
