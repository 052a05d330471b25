"""The gates: what they measure, and what they refuse."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from export.keras import Reference
from export.verify.parity import LIMITS, MAX_DROP, Measured, measure, probabilities_of
from tests.cards import example_card
from toolkit.artifact.card import QUANTIZATIONS
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.errors import ArtifactError
from toolkit.measure.metrics import wilson_interval

N = 100
PROBES = ("silence", "noise", "a tone")
NAMES = (*(f"clip {number}" for number in range(N)), *PROBES)


def compared(probabilities: Any, quantization: str, expected: Reference, max_drop: float = MAX_DROP) -> Measured:
    """Return the measurements of a model with these `probabilities`."""
    return measure(example_card(quantization=quantization), probabilities, expected, "validation", max_drop)


def keras(right: int, confidence: float = 0.52) -> Reference:
    """Return a Keras model's answers on N pictures of class 0, `right` of them right, and on probes."""
    first = np.where(np.arange(N + len(PROBES)) < right, confidence, 1 - confidence)
    probabilities = np.stack([first, 1 - first], axis=1).astype(np.float32)
    return Reference.of(NAMES, np.zeros((N + len(PROBES), 2, 2, 3), np.uint8), probabilities, np.zeros(N, np.int64))


def test_what_is_measured() -> None:
    expected = keras(30)
    probabilities = expected.probabilities.copy()
    probabilities[29] = probabilities[29][::-1]
    measured = compared(probabilities, "int8", expected)
    assert measured.accuracy
    assert (measured.accuracy.n, measured.accuracy.correct, measured.accuracy.accuracy) == (N, 29, 29 / N)
    assert measured.accuracy.wilson95 == wilson_interval(29, N)
    assert measured.parity.top1_agreement == 99 / 100
    assert measured.parity.keras_correct == 30
    assert measured.parity.pictures == N + len(PROBES)
    assert measured.parity.max_abs == 0.04
    assert measured.parity.min_cosine == pytest.approx(2 * 0.52 * 0.48 / (0.52**2 + 0.48**2), abs=1e-4)


@pytest.mark.parametrize(
    ("quantization", "changes", "hint"),
    [
        ("int8", {}, True),
        ("int8", {"fine_tuning": FineTuningCard(1, 1e-4, 0)}, False),
        ("dynamic", {}, False),
    ],
)
def test_fine_tuning_is_advised_where_it_may_help(quantization: str, changes: dict[str, Any], hint: bool) -> None:
    expected = keras(60)
    probabilities = expected.probabilities.copy()
    probabilities[:10] = probabilities[:10, ::-1]
    card = dataclasses.replace(example_card(quantization=quantization), **changes)
    with pytest.raises(ArtifactError, match="is right on 50 of 100") as refusal:
        measure(card, probabilities, expected, "validation", MAX_DROP)
    assert ("--qat" in str(refusal.value)) == hint


def test_takes_of_one_recording_widen_the_interval() -> None:
    expected = dataclasses.replace(keras(30), recordings=tuple(f"recording {number // 4}" for number in range(N)))
    accuracy = compared(expected.probabilities, "none", expected).accuracy
    assert accuracy and accuracy.wilson95 == pytest.approx(wilson_interval(30 / 4, N / 4))


def test_every_picture_is_run_alone() -> None:
    class Engine:
        def run(self, batch: Any) -> Any:
            assert batch.shape == (1, 2, 2, 3) and batch.dtype == np.float32
            return batch[:, 0, 0, :2]

    pictures = np.arange(3 * 12, dtype=np.uint8).reshape(3, 2, 2, 3)
    expected = Reference.of(NAMES[:3], pictures, np.zeros((3, 2), np.float32), np.zeros(3, np.int64))
    assert (probabilities_of(Engine(), expected) == pictures[:, 0, 0, :2]).all()  # type: ignore[arg-type]


def test_every_precision_has_its_limits() -> None:
    assert set(LIMITS) == {*QUANTIZATIONS, "float32"} - {"none"}


def test_float32_may_not_differ_anywhere() -> None:
    expected = keras(30)
    assert compared(expected.probabilities + np.float32(5e-6), "none", expected)
    for place in (0, N, N + 2):  # a real picture, silence, a tone
        probabilities = expected.probabilities.copy()
        probabilities[place, 0] += 8e-5
        with pytest.raises(ArtifactError, match=f"refused: the float32 model is .*e-05 off Keras.* of {NAMES[place]}"):
            compared(probabilities, "none", expected)


@pytest.mark.parametrize(
    ("quantization", "off"), [("float16", 0.01), ("int16x8", 0.1), ("dynamic", 0.2), ("int8", 0.5)]
)
def test_one_probability_may_differ_by_so_much(quantization: str, off: float) -> None:
    expected = keras(30, confidence=0.99)
    probabilities = expected.probabilities.copy()
    probabilities[N + 1] += np.array([-off - 0.001, off + 0.001], np.float32)
    with pytest.raises(
        ArtifactError, match=f"{quantization} model is .* off Keras in a probability of noise, over {off}"
    ):
        compared(probabilities, quantization, expected)


def test_a_row_in_another_direction_is_refused() -> None:
    """Many small differences make another answer, though none of them is large."""
    row = np.full(10, 0.1)
    expected = Reference.of(NAMES, keras(0).inputs, np.tile(row, (N + 3, 1)).astype(np.float32), np.zeros(N, np.int64))
    probabilities = expected.probabilities.copy()
    probabilities[N] = [0.2, 0, 0.2, 0, 0.2, 0, 0.2, 0, 0.2, 0]
    with pytest.raises(ArtifactError, match="cosine between the dynamic model's.* is 0.7.* on silence, under 0.97"):
        compared(probabilities, "dynamic", expected)


def test_too_many_other_labels_are_refused_even_if_as_many_are_right() -> None:
    expected = keras(50)
    probabilities = expected.probabilities[::-1].copy()
    probabilities[N:] = expected.probabilities[N:]
    with pytest.raises(ArtifactError, match="has Keras' label on .*% of the validation inputs, under 85%"):
        compared(probabilities, "int8", expected)


def test_integers_may_lose_a_little_and_no_more() -> None:
    expected = keras(90)
    accuracy = compared(keras(87).probabilities, "int8", expected).accuracy
    assert accuracy and accuracy.correct == 87
    message = "right on 82 of 100 validation inputs, Keras on 90, more than --max-drop 1 points fewer"
    with pytest.raises(ArtifactError, match=f"{message}.*: measure its ranges on more inputs"):
        compared(keras(82).probabilities, "int8", expected)
    with pytest.raises(ArtifactError, match=f"{message}.*: use another precision"):
        compared(keras(82).probabilities, "dynamic", expected)
    assert compared(keras(82).probabilities, "int8", expected, max_drop=40)


def test_scores_that_are_not_finite_are_refused() -> None:
    expected = keras(36)
    probabilities = expected.probabilities.copy()
    probabilities[-1, 0] = np.nan
    for quantization in ("none", "int8"):
        with pytest.raises(ArtifactError, match="not finite on a tone"):
            compared(probabilities, quantization, expected)


@pytest.mark.parametrize("quantization", ["int8", "dynamic"])
@pytest.mark.parametrize(("confidence", "share"), [(0.9, 80), (0.75, 85)])
def test_the_temperature_is_the_files(quantization: str, confidence: float, share: int) -> None:
    """A file that is `confidence` sure of each label and right on `share` of 100 needs logit(c) / logit(s).

    Keras is 0.85 sure and would need another temperature.
    """
    measured = compared(keras(share, confidence).probabilities, quantization, keras(share, 0.85))
    ours, keras_own = (np.log(c / (1 - c)) / np.log(share / (100 - share)) for c in (confidence, 0.85))
    assert measured.temperature == pytest.approx(ours, abs=0.011)
    assert abs(ours - keras_own) > 0.2
