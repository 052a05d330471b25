"""The head of a frozen backbone: logistic regression on its features, or one hidden layer where that is better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.measure.multi_label import mean_average_precision
from train.backbones.chance import CHANCE, is_better, smallest_p
from train.backbones.dense import Dense, first_layers, fit_dense
from train.data import Part

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-5, 3))
"""Inverse regularisation, scikit-learn's C, most regularised first: 0.003 to 10."""
HIDDEN = 32
HIDDEN_STRENGTHS = (0.3, 3.0)
LEAST_DEVIATION = 0.1
"""Of the features' median deviation: one that is nearly always 0 would get a weight that no 8 bits hold."""
TINY = 1e-6
"""What keeps features that are all the same from a division by 0."""
LEAST_PROBABILITY = 1e-12
TOLERANCE = 0.05
"""Nats of validation loss that are not worth a less regularised head, however many clips tell them apart."""

Fitted = tuple[int, float, tuple[Dense, ...]]
"""Hidden units, strength and layers."""


@dataclass(frozen=True)
class Trial:
    """What a head has on the two parts: mean losses (nats) and scores of clips.

    A score is the accuracy or, of several labels, the mean average precision. `val_error` is the standard error of the
    validation loss. `hidden` counts the units before the last layer.
    """

    hidden: int
    strength: float
    loss: float
    score: float
    val_loss: float
    val_score: float
    val_error: float


@dataclass(frozen=True)
class Head:
    """Dense layers of float32 with ReLU between two, and softmax at their end, or sigmoid unless `exclusive`.

    `trials` are all that were compared; `chosen` is this one's.
    """

    layers: tuple[Dense, ...]
    exclusive: bool
    chosen: Trial
    trials: tuple[Trial, ...] = ()

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return float64 (n, classes) of features (n, features)."""
        return _probabilities(self.layers, features, self.exclusive)


def fit_head(training: Part, validation: Part, classes: int, *, balanced: bool = False, seed: int = 0) -> Head:
    """Return the best head: the most regularised logistic regression that is near the lowest validation loss.

    Near is within a standard error of it (the one-standard-error rule of L. Breiman et al., "Classification and
    Regression Trees", 1984), or `TOLERANCE`: a validation part of few clips cannot tell such heads apart, and a
    regularised one depends less on rounding. The error counts a recording once. A hidden layer takes the place of
    logistic regression where it has more validation recordings right by more than chance (`train.backbones.chance`);
    of several labels, where its loss is lower in more of them.

    Parameters
    ----------
    training, validation
        Two parts whose values are features, float32 (windows, features).
    classes
        Their number.
    balanced
        Whether a class's windows weigh more where it has few.
    seed
        Decides what a hidden layer starts from.
    """
    fit = Fit.of(training, classes, balanced=balanced)
    linear = list(measured_heads(fit.heads(STRENGTHS), training, validation))
    lowest = min(linear, key=lambda head: head.chosen.val_loss)
    limit = lowest.chosen.val_loss + max(lowest.chosen.val_error, TOLERANCE)
    chosen = next(head for head in linear if head.chosen.val_loss <= limit)
    trials = [head.chosen for head in linear]
    before = clip_scores(lowest, validation)
    if smallest_p(before, validation.recordings) < CHANCE:
        networks = list(measured_heads(fit.heads(HIDDEN_STRENGTHS, HIDDEN, seed), training, validation))
        trials += [head.chosen for head in networks]
        best = min(networks, key=lambda head: head.chosen.val_loss)
        if is_better(clip_scores(best, validation), before, validation.recordings):
            chosen = best
    return replace(chosen, trials=tuple(trials))


@dataclass(frozen=True)
class Fit:
    """A training part made ready: standardised features, targets and weights of its windows."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    scaled: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    exclusive: bool
    clips: int

    @classmethod
    def of(cls, training: Part, classes: int, *, balanced: bool = False) -> Fit:
        """Return a part's; the weights of a clip's windows are its own, those of all clips add up to 1."""
        features, labels = training.values.astype(np.float64), training.clip_labels
        mean, deviation = features.mean(axis=0), features.std(axis=0)
        deviation = np.maximum(deviation, LEAST_DEVIATION * np.median(deviation)) + TINY
        exclusive = labels.ndim == 1
        targets = np.eye(classes)[labels] if exclusive else labels.astype(np.float64)
        weights = np.full(len(labels), 1 / len(labels))
        if balanced:
            weights = 1 / (classes * targets.sum(axis=0))[labels]
        windows = training.clips
        weights = (weights / np.bincount(windows))[windows]
        return cls(mean, deviation, (features - mean) / deviation, targets[windows], weights, exclusive, len(labels))

    def layers(self, strength: float, start: tuple[Dense, ...]) -> tuple[Dense, ...]:
        """Return the layers of a strength, for standardised features."""
        penalty = 1 / (strength * self.clips)
        return fit_dense(self.scaled, self.targets, self.weights, penalty, start, exclusive=self.exclusive)

    def heads(self, strengths: tuple[float, ...], hidden: int = 0, seed: int = 0) -> Iterator[Fitted]:
        """Yield hidden units, strength and layers for features as they come, each fit begun where the last ended."""
        layers = first_layers(self.scaled.shape[1], hidden, self.targets.shape[1], seed)
        for strength in strengths:
            layers = self.layers(strength, layers)
            yield hidden, strength, self.unscaled(layers)

    def unscaled(self, layers: tuple[Dense, ...]) -> tuple[Dense, ...]:
        """Return layers for standardised features as float32 layers for features as they come."""
        kernel = layers[0].kernel / self.deviation[:, np.newaxis]
        first = Dense(kernel, layers[0].bias - self.mean @ kernel)
        return tuple(
            Dense(layer.kernel.astype(np.float32), layer.bias.astype(np.float32)) for layer in (first, *layers[1:])
        )


def clip_scores(head: Head, part: Part) -> NDArray[np.float64]:
    """Return for each clip whether its class is right, or, of several labels, minus its loss."""
    return _scores(part.clip_means(head.probabilities(part.values)), part.clip_labels)


def prediction_scores(predicted: dict[str, Any]) -> NDArray[np.float64]:
    """Return the same of one part of `predictions.json`."""
    probabilities, labels = np.array(predicted["probabilities"]), predicted["labels"]
    if labels and isinstance(labels[0], list):
        return _scores(probabilities, np.array([np.isin(np.arange(probabilities.shape[1]), row) for row in labels]))
    return _scores(probabilities, np.array(labels))


def _scores(probabilities: NDArray[np.float64], labels: NDArray) -> NDArray[np.float64]:
    if labels.ndim == 1:
        return np.asarray(probabilities.argmax(1) == labels, np.float64)
    return -_losses(probabilities, labels)


def measured_heads(
    fits: Iterator[tuple[int, float, tuple[Dense, ...]]], training: Part, validation: Part
) -> Iterator[Head]:
    """Yield fitted layers as heads that are measured on the two parts."""
    exclusive = training.clip_labels.ndim == 1
    for hidden, strength, layers in fits:
        means = [part.clip_means(_probabilities(layers, part.values, exclusive)) for part in (training, validation)]
        losses = [_losses(values, part.clip_labels) for values, part in zip(means, (training, validation), strict=True)]
        scores = [_score(values, part.clip_labels) for values, part in zip(means, (training, validation), strict=True)]
        trial = Trial(
            hidden=hidden,
            strength=strength,
            loss=float(losses[0].mean()),
            score=scores[0],
            val_loss=float(losses[1].mean()),
            val_score=scores[1],
            val_error=_standard_error(losses[1], validation.recordings),
        )
        yield Head(layers, exclusive, trial)


def _probabilities(layers: tuple[Dense, ...], features: NDArray[np.float32], exclusive: bool) -> NDArray[np.float64]:
    values = features.astype(np.float64)
    for layer in layers[:-1]:
        values = np.maximum(values @ layer.kernel + layer.bias, 0)
    logits = values @ layers[-1].kernel + layers[-1].bias
    if not exclusive:
        return np.exp(-np.logaddexp(0, -logits))
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def _losses(probabilities: NDArray[np.float64], labels: NDArray) -> NDArray[np.float64]:
    """Return each clip's cross entropy; of several labels, the mean over the classes."""
    if labels.ndim == 1:
        return -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], LEAST_PROBABILITY))
    right = np.where(labels > 0, probabilities, 1 - probabilities)
    return -np.log(np.maximum(right, LEAST_PROBABILITY)).mean(axis=1)


def _score(probabilities: NDArray[np.float64], labels: NDArray) -> float:
    if labels.ndim == 2:
        return mean_average_precision(probabilities, labels)
    return float((probabilities.argmax(1) == labels).mean())


def _standard_error(values: NDArray[np.float64], recordings: tuple[str, ...]) -> float:
    """Return the standard error of a mean whose values are alike within a recording (K. Liang, S. Zeger, 1986)."""
    _, groups = np.unique(recordings, return_inverse=True)
    return float(np.sqrt(np.sum(np.bincount(groups, weights=values - values.mean()) ** 2)) / len(values))
