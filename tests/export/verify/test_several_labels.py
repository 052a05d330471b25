"""The gates of networks whose labels do not exclude each other: what they measure, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from export.keras import Reference
from export.verify.parity import MAX_DROP, Measured, measure
from tests.cards import example_card
from toolkit.errors import ArtifactError

N = 40
TRUTH = np.array([[number % 2, number % 3 == 0] for number in range(N)], bool)
SCORES = np.where(TRUTH, 0.7, 0.3).astype(np.float32)
THRESHOLDS = (0.65, 0.5)


def compared(scores: np.ndarray, *, quantization: str = "int8", max_drop: float = MAX_DROP) -> Measured:
    """Return the measurements of a file with these scores of N inputs, and of a probe that has none of the labels."""
    everything = np.vstack([SCORES, [[0.1, 0.2]]]).astype(np.float32)
    names = [*(f"clip {number}" for number in range(N)), "silence"]
    inputs = np.zeros((N + 1, 2, 2, 3), np.uint8)
    expected = Reference.of(names, inputs, everything, np.zeros(N, np.int64), truth=TRUTH)
    several = replace(
        example_card(quantization=quantization), activation="sigmoid", thresholds=THRESHOLDS, accuracy=None, parity=None
    )
    ours = np.vstack([scores, everything[N:]]).astype(np.float32)
    return measure(several, ours, expected, "validation", max_drop)


def test_decisions_are_compared_and_mean_measures_take_the_place_of_an_accuracy() -> None:
    """The second score of two inputs is above its threshold only in Keras: 2 of 80 decisions differ."""
    scores = SCORES.copy()
    scores[[0, 3], 1] = 0.45
    measured = compared(scores)
    assert measured.accuracy is None and measured.temperature == 1 and measured.parity.keras_correct == 0
    assert measured.parity.top1_agreement == 1 - 2 / (2 * N)
    f1 = 2 * 12 / (12 + 14)
    assert measured.metrics == {"mAP": 1.0, "macro_f1": round((1 + f1) / 2, 4)}


def test_equal_scores_that_change_their_order_are_no_other_labels() -> None:
    """Both labels apply: which one is more probable means nothing."""
    scores = SCORES.copy()
    both = TRUTH.all(axis=1)
    scores[both] = (0.7, 0.72)
    assert compared(scores).parity.top1_agreement == 1


def test_scores_that_fall_below_their_thresholds_are_refused_unless_by_chance() -> None:
    """Five inputs with one more wrong label are chance in 1 of 16 cases; six, in 1 of 32. No order changes."""
    for wrong in (5, 6):
        scores = SCORES.copy()
        scores[np.flatnonzero(TRUTH[:, 1])[:wrong], 1] = 0.45
        measured = compared(scores, max_drop=14 if wrong == 6 else MAX_DROP)
        assert measured.metrics == {"mAP": 1.0, "macro_f1": round((1 + 2 * (14 - wrong) / (28 - wrong)) / 2, 4)}
    with pytest.raises(ArtifactError, match=r"macro F1 on 40 validation inputs is 0\.864, Keras' 1\.000") as refusal:
        compared(scores)
    text = str(refusal.value)
    assert "wrong on 6 inputs, fewer on 0 (sign test p = 0.031): measure its ranges" in text and "--qat" not in text


def test_other_decisions_are_refused_whatever_they_cost() -> None:
    with pytest.raises(ArtifactError, match=r"has Keras' label on 75\.0% of the validation inputs"):
        compared(SCORES - np.float32(0.06), max_drop=100)
