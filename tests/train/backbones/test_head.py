"""The head of a frozen backbone: logistic regression whose regularisation the validation part decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from toolkit.measure.multi_label import mean_average_precision
from train.backbones.head import HIDDEN, STRENGTHS, TOLERANCE, Fit, Head, clip_scores, fit_head
from train.data import Part


def _part(rng: np.random.Generator, classes: int, clips: int, windows: int, noise: float) -> tuple[np.ndarray, Part]:
    """Return features (windows, 6) around a centre per class, of other sizes and places, and their part."""
    labels = np.arange(clips) % classes
    owners = np.repeat(np.arange(clips), windows)
    centres = np.random.default_rng(7).normal(size=(classes, 6))
    values = centres[labels[owners]] + noise * rng.normal(size=(len(owners), 6))
    values = (values * [1, 10, 100, 1, 1, 0] + [0, 50, -3, 0, 0, 4]).astype(np.float32)
    names = tuple(str(clip) for clip in range(clips))
    return values, Part(names, values, labels.astype(np.int32), owners, names)


def _fitted(classes: int, noise: float, *, balanced: bool = False) -> tuple[Head, np.ndarray, Part]:
    training = _part(np.random.default_rng(0), classes, 24, 2, noise)
    validation = _part(np.random.default_rng(1), classes, 12, 3, noise)
    return fit_head(training[1], validation[1], classes, balanced=balanced), *validation


@pytest.mark.parametrize("classes", [2, 3])
def test_separate_classes_are_told_apart_whatever_the_features_scales(classes: int) -> None:
    head, values, part = _fitted(classes, 0.1)
    probabilities = head.probabilities(values)
    assert probabilities.shape == (36, classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert (probabilities.argmax(1) == part.labels).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_scikit_learns_regression_on_standardised_features(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    head, values, _ = _fitted(classes, 1.0)
    training, part = _part(np.random.default_rng(0), classes, 24, 2, 1.0)
    per_window = head.chosen.strength / 2  # a clip's two windows count as one
    columns = 2 if classes == 2 else 1  # it regularises one column where this has two
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=columns * per_window, max_iter=2000))
    plain.fit(training.astype(np.float64), part.labels)
    np.testing.assert_allclose(head.probabilities(values), plain.predict_proba(values), atol=2e-3)


def test_a_feature_that_is_nearly_always_zero_gets_no_weight_that_8_bits_cannot_hold() -> None:
    values, part = _part(np.random.default_rng(0), 3, 24, 2, 1.0)
    rare = (
        np.where(part.labels[:, np.newaxis] == 0, 1e-5, 0).astype(np.float32) * (np.arange(48) % 5 == 0)[:, np.newaxis]
    )
    fit = Fit.of(replace(part, values=np.hstack([values[:, [0, 3, 4]], rare])), 3)
    kernels = [layers[0].kernel for _, _, layers in fit.heads(STRENGTHS)]
    assert all(abs(kernel[3]).max() < 2 * abs(kernel[:3]).max() for kernel in kernels)


def test_the_most_regularised_of_the_heads_that_are_as_good_is_chosen() -> None:
    head, _, _ = _fitted(3, 1.5)
    losses = [trial.val_loss for trial in head.trials]
    best = head.trials[int(np.argmin(losses))]
    as_good = [
        trial.strength for trial in head.trials if trial.val_loss <= best.val_loss + max(best.val_error, TOLERANCE)
    ]
    assert head.chosen.strength == min(as_good) < max(as_good)
    assert tuple(trial.strength for trial in head.trials) == STRENGTHS


def test_losses_are_those_of_clips_by_their_mean_probabilities() -> None:
    head, values, part = _fitted(3, 1.5)
    means = head.probabilities(values).reshape(12, 3, 3).mean(axis=1)
    right = means[np.arange(12), part.clip_labels]
    trial = next(trial for trial in head.trials if trial.strength == head.chosen.strength)
    assert trial.val_loss == pytest.approx(-np.log(right).mean())
    assert trial.val_score == np.mean(means.argmax(1) == part.clip_labels)
    assert trial.val_error == pytest.approx(np.log(right).std() / np.sqrt(12))


def test_balanced_weights_find_a_rare_class() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(0, 1, (200, 1)), rng.normal(1.5, 1, (10, 1))]).astype(np.float32)
    names = tuple(map(str, range(210)))
    part = Part(names, values, np.repeat([0, 1], [200, 10]).astype(np.int32), np.arange(210), names)
    recalls = [
        np.mean(fit_head(part, part, 2, balanced=balanced).probabilities(values)[200:].argmax(1))
        for balanced in (False, True)
    ]
    assert recalls[1] > recalls[0]


def test_a_long_clip_counts_as_a_short_one() -> None:
    rng = np.random.default_rng(5)
    values, part = _part(rng, 3, 12, 1, 1.0)
    clips = np.r_[np.zeros(6, int), np.arange(12)]
    weights = Fit.of(replace(part, values=values[clips], clips=clips), 3).weights
    np.testing.assert_allclose(np.bincount(clips, weights=weights), 1 / 12)


def _rings(seed: int, clips: int) -> Part:
    """Return points around the middle and farther out, which no straight line parts."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % 2
    angles, radii = rng.uniform(0, 2 * np.pi, clips), np.where(labels, 3.0, 1.0) + 0.1 * rng.normal(size=clips)
    values = np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1).astype(np.float32)
    names = tuple(map(str, range(clips)))
    return Part(names, values, labels.astype(np.int32), np.arange(clips), names)


def test_a_hidden_layer_is_chosen_where_it_is_better_by_more_than_chance() -> None:
    training, validation = _rings(0, 80), _rings(1, 60)
    head = fit_head(training, validation, 2)
    assert head.chosen.hidden == HIDDEN and len(head.layers) == 2
    assert clip_scores(head, validation).mean() > 0.95
    linear = [trial for trial in head.trials if not trial.hidden]
    assert max(trial.val_score for trial in linear) < 0.8
    few = replace(validation, recordings=tuple(str(number % 4) for number in range(60)))
    assert fit_head(training, few, 2).chosen.hidden == 0  # four recordings cannot tell


def test_logistic_regression_stays_where_it_is_as_good() -> None:
    head, _, _ = _fitted(3, 2.5)
    assert head.chosen.val_score < 0.9
    assert head.chosen.hidden == 0


def test_labels_that_do_not_exclude_each_other_are_fitted_one_by_one() -> None:
    """Against scikit-learn's regression of each label, with the same features and C."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    values = rng.normal(size=(90, 4)).astype(np.float32)
    labels = (values @ rng.normal(size=(4, 3)) + rng.normal(size=(90, 3)) > 0.5).astype(np.float32)
    names = tuple(map(str, range(90)))
    first, rest = (
        Part(names[rows], values[rows], labels[rows], np.arange(len(names[rows])), names[rows])
        for rows in (slice(60), slice(60, None))
    )
    head = fit_head(first, rest, 3)
    scores = head.probabilities(values)
    scaled = (values - values[:60].mean(0)) / values[:60].std(0)
    for label in range(3):
        plain = LogisticRegression(C=head.chosen.strength, max_iter=2000).fit(scaled[:60], labels[:60, label])
        np.testing.assert_allclose(scores[:, label], plain.predict_proba(scaled)[:, 1], atol=2e-3)
    assert head.chosen.val_score == pytest.approx(mean_average_precision(scores[60:], labels[60:]))
