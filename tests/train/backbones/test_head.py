"""The head of a frozen backbone: logistic regression whose regularisation the validation part decides."""

from __future__ import annotations

import numpy as np
import pytest

from train.backbones.head import STRENGTHS, TOLERANCE, Head, fit_head
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
    plain = make_pipeline(StandardScaler(), LogisticRegression(C=head.strength, max_iter=2000))
    plain.fit(training.astype(np.float64), part.labels)
    np.testing.assert_allclose(head.probabilities(values), plain.predict_proba(values), atol=2e-3)


def test_the_most_regularised_of_the_heads_that_are_as_good_is_chosen() -> None:
    head, _, _ = _fitted(3, 1.5)
    losses = [trial.val_loss for trial in head.trials]
    best = head.trials[int(np.argmin(losses))]
    as_good = [
        trial.strength for trial in head.trials if trial.val_loss <= best.val_loss + max(best.val_error, TOLERANCE)
    ]
    assert head.strength == min(as_good) < max(as_good)
    assert tuple(trial.strength for trial in head.trials) == STRENGTHS


def test_losses_are_those_of_clips_by_their_mean_probabilities() -> None:
    head, values, part = _fitted(3, 1.5)
    means = head.probabilities(values).reshape(12, 3, 3).mean(axis=1)
    right = means[np.arange(12), part.clip_labels]
    trial = next(trial for trial in head.trials if trial.strength == head.strength)
    assert trial.val_loss == pytest.approx(-np.log(right).mean())
    assert trial.val_accuracy == np.mean(means.argmax(1) == part.clip_labels)
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
