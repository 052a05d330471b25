"""Networks whose labels do not exclude each other: thresholds and measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from export.verify.multi_label import best_thresholds, measured, measures
from tests.cards import example_card

SCORES = np.array([[0.9, 0.2], [0.7, 0.1], [0.4, 0.6], [0.2, 0.3]], np.float32)
TRUTH = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)


def test_thresholds_part_the_clips_that_have_a_label() -> None:
    assert best_thresholds(SCORES, TRUTH) == pytest.approx((0.55, 0.25))
    assert measures(SCORES, TRUTH, (0.55, 0.25)) == {"mAP": 1.0, "macro_f1": 1.0}
    assert measures(SCORES, TRUTH, (0.55, 0.5)) == {"mAP": 1.0, "macro_f1": round((1 + 2 / 3) / 2, 4)}


def test_a_label_that_every_clip_has_applies_from_the_lowest_score_on() -> None:
    assert best_thresholds(SCORES[:, :1], np.ones((4, 1), bool)) == pytest.approx((0.1,))


def test_a_label_that_no_clip_has_is_left_out() -> None:
    none = np.zeros((4, 1), bool)
    assert best_thresholds(SCORES[:, :1], none) == (0.5,)
    assert measures(SCORES, np.hstack([TRUTH[:, :1], none]), (0.55, 0.5)) == {"mAP": 1.0, "macro_f1": 1.0}


def test_average_precision_is_the_mean_over_the_clips_that_have_it() -> None:
    """Ranks 1 and 3 of four: (1/1 + 2/3) / 2; two of equal score are one step."""
    scores, truth = np.array([[0.9], [0.8], [0.7], [0.1]], np.float32), np.array([[1], [0], [1], [0]], bool)
    assert measures(scores, truth, (0.5,))["mAP"] == round((1 + 2 / 3) / 2, 4)
    tied = np.array([[0.9], [0.9], [0.9], [0.1]], np.float32)
    assert measures(tied, truth, (0.5,))["mAP"] == round(2 / 3, 4)


def test_only_the_card_of_a_multi_label_network_changes() -> None:
    card = example_card()
    assert measured(card, SCORES, SCORES, TRUTH) == card
    several = replace(card, activation="sigmoid", thresholds=(0.5, 0.5))
    changed = measured(several, SCORES * np.float32(0.9), SCORES, TRUTH)
    assert changed.thresholds == (0.55, 0.25)
    assert changed.metrics == {"mAP": 1.0, "macro_f1": 1.0}
    assert measured(several, SCORES[:0], SCORES[:0], TRUTH[:0]) == several
