"""Average precision, F1 and thresholds of labels that do not exclude each other, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.measure.multi_label import LabelScore, averages, best_thresholds, label_scores

reference = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed: it comes with librosa")
SCORES = np.array([[0.9, 0.2], [0.7, 0.1], [0.4, 0.6], [0.2, 0.3]], np.float32)
TRUTH = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("levels", [4, 1000])
def test_every_figure_is_that_of_scikit_learn(seed: int, levels: int) -> None:
    """A few levels make many ties; two labels have no sample, and some have all."""
    rng = np.random.default_rng(seed)
    truth = rng.random((40, 7)) < rng.random(7)
    truth[:, [2, 5]] = False
    truth[0] |= np.arange(7) == 0
    scores = np.round((rng.random((40, 7)) + 0.5 * truth) * levels) / levels / 1.5
    thresholds = rng.random(7)
    present = truth.any(axis=0)
    applies = scores >= thresholds
    measured = label_scores(scores, truth, thresholds)
    for label in np.flatnonzero(present):
        columns = truth[:, label], applies[:, label]
        score = measured[label]
        assert score.average_precision == pytest.approx(
            reference.average_precision_score(truth[:, label], scores[:, label])
        )
        assert score.f1 == pytest.approx(reference.f1_score(*columns, zero_division=0))
        assert score.precision == pytest.approx(reference.precision_score(*columns, zero_division=0))
        assert score.recall == pytest.approx(reference.recall_score(*columns, zero_division=0))
    values = averages(measured)
    shown, decided = truth[:, present], applies[:, present]
    assert values["mAP"] == pytest.approx(reference.average_precision_score(shown, scores[:, present], average="macro"))
    assert values["macro_f1"] == pytest.approx(reference.f1_score(shown, decided, average="macro", zero_division=0))
    assert values["micro_f1"] == pytest.approx(reference.f1_score(truth, applies, average="micro", zero_division=0))


@pytest.mark.parametrize("seed", range(8))
def test_no_other_threshold_has_a_larger_f1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, truth = np.round(rng.random((30, 4)), 1), rng.random((30, 4)) < 0.3
    truth[0] = True
    chosen = [score.f1 for score in label_scores(scores, truth, best_thresholds(scores, truth))]
    for threshold in np.linspace(0, 1.01, 102):
        others = [score.f1 for score in label_scores(scores, truth, np.full(4, threshold))]
        assert all(own >= other - 1e-12 for own, other in zip(chosen, others, strict=True))


def test_thresholds_part_the_samples_that_have_a_label() -> None:
    assert best_thresholds(SCORES, TRUTH) == pytest.approx((0.55, 0.25))


def test_a_label_that_every_sample_has_applies_from_half_the_lowest_score_on() -> None:
    assert best_thresholds(SCORES[:, :1], np.ones((4, 1), bool)) == pytest.approx((0.1,))


def test_the_lowest_of_equally_good_thresholds_is_chosen() -> None:
    """F1 is 2/3 both where the highest sample applies and where all four do."""
    scores, truth = np.array([[0.9], [0.7], [0.5], [0.3]]), np.array([[1], [0], [0], [1]], bool)
    assert best_thresholds(scores, truth) == pytest.approx((0.15,))


def test_thresholds_of_tiny_scores_keep_their_digits() -> None:
    assert best_thresholds(SCORES[:, :1] * 1e-6, TRUTH[:, :1]) == pytest.approx((0.55e-6,))


def test_a_label_that_no_sample_has_gets_a_half_and_is_left_out() -> None:
    scores, truth = np.hstack([SCORES, SCORES[:, :1]]), np.hstack([TRUTH, np.zeros((4, 1), bool)])
    thresholds = best_thresholds(scores, truth)
    assert thresholds[2] == 0.5
    measured = label_scores(scores, truth, thresholds)
    assert measured[2] == LabelScore(0, 2, 0, 0.0, 0.0, 0.0, None)
    assert averages(measured) == {"mAP": 1.0, "macro_f1": 1.0, "micro_f1": pytest.approx(8 / 10)}


def test_without_any_label_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="no sample has a label"):
        averages(label_scores(SCORES, np.zeros((4, 2), bool), (0.5, 0.5)))
