"""The head of a frozen backbone: logistic regression on its features, regularised as validation asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.data import Part

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-7, 3))
"""Inverse regularisation, scikit-learn's C, most regularised first: 0.0003 to 10."""
LEAST_DEVIATION = 1e-6
LEAST_PROBABILITY = 1e-12
MAX_ITERATIONS = 2_000
TOLERANCE = 0.05
"""Nats of validation loss that are not worth a less regularised head, however many clips tell them apart."""


@dataclass(frozen=True)
class Trial:
    """What a head of one strength has on the two parts: mean losses (nats) and accuracies of clips.

    `val_error` is the standard error of the validation loss.
    """

    strength: float
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    val_error: float


@dataclass(frozen=True)
class Head:
    """A dense layer with softmax: kernel float32 (features, classes), bias float32 (classes,).

    `trials` are all that were compared, in the order of `STRENGTHS`; `strength` is that of this one.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float
    trials: tuple[Trial, ...]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return float64 (n, classes) of features (n, features)."""
        return _softmax(features.astype(np.float64) @ self.kernel + self.bias)


def fit_head(training: Part, validation: Part, classes: int, *, balanced: bool = False) -> Head:
    """Return the most regularised head whose validation loss is within a standard error of the lowest.

    That is the one-standard-error rule (L. Breiman et al., "Classification and Regression Trees", 1984): a validation
    part of few clips cannot tell such heads apart, and a regularised one depends less on rounding.

    Parameters
    ----------
    training, validation
        Two parts whose values are features, float32 (windows, features).
    classes
        Their number; each has training windows.
    balanced
        Whether a class's windows weigh more where it has few.
    """
    features = training.values
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = np.maximum(features.std(axis=0, dtype=np.float64), LEAST_DEVIATION)
    scaled = (features - mean) / deviation
    heads: list[Head] = []
    trials: list[Trial] = []
    for strength in STRENGTHS:
        kernel, bias = _logistic(scaled, training.labels, classes, strength, balanced)
        kernel /= deviation[:, np.newaxis]
        head = Head(kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32), strength, ())
        loss, accuracy, _ = _measured(head, training)
        heads.append(head)
        trials.append(Trial(strength, loss, accuracy, *_measured(head, validation)))
    lowest = min(trials, key=lambda trial: trial.val_loss)
    limit = lowest.val_loss + max(lowest.val_error, TOLERANCE)
    chosen = next(at for at, trial in enumerate(trials) if trial.val_loss <= limit)
    return replace(heads[chosen], trials=tuple(trials))


def _logistic(
    scaled: NDArray[np.float64], labels: NDArray[np.int32], classes: int, strength: float, balanced: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the kernel (features, classes) and bias of multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    weights: Any = "balanced" if balanced else None
    model = LogisticRegression(C=strength, max_iter=MAX_ITERATIONS, class_weight=weights)
    model.fit(scaled, labels)
    kernel, bias = model.coef_.T, model.intercept_
    if classes == 2:  # one column, for the second class against the first
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    return np.array(kernel), np.array(bias)


def _measured(head: Head, part: Part) -> tuple[float, float, float]:
    """Return mean loss, accuracy and the loss's standard error of a part's clips, by windows."""
    probabilities = part.clip_means(head.probabilities(part.values))
    right = probabilities[np.arange(len(probabilities)), part.clip_labels]
    losses = -np.log(np.maximum(right, LEAST_PROBABILITY))
    accuracy = (probabilities.argmax(1) == part.clip_labels).mean()
    return float(losses.mean()), float(accuracy), float(losses.std() / np.sqrt(len(losses)))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))
