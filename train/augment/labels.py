"""Soft labels: mixup and label smoothing."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Mixup:
    """Mix each item with the one before it, values and labels alike: weights w and 1 - w, w of Beta(alpha, alpha).

    The batch's order is random, so that its neighbours are random partners. An item's own weight is the larger of the
    two: which of a pair comes first does not matter to the distribution, and every item is in its epoch.
    Source: H. Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018).
    """

    alpha: float

    def __call__(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix values float32 (n, ...) and soft labels float32 (n, classes)."""
        weights = self.weights(values.shape[0], seed)
        return _mixed(values, weights), _mixed(labels, weights)

    def weights(self, items: int, seed: tf.Tensor) -> tf.Tensor:
        """Return each item's own weight, float32 (items,): two Gamma(alpha) values a, b give max(a, b) / (a + b)."""
        gammas = tf.random.stateless_gamma((2, items), seed, alpha=self.alpha) + 1e-30  # two zeros are a half each
        return tf.reduce_max(gammas, 0) / (gammas[0] + gammas[1])


def _mixed(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    weights = tf.reshape(weights, [-1] + [1] * (len(values.shape) - 1))
    return weights * values + (1 - weights) * tf.roll(values, 1, 0)


def smooth(labels: tf.Tensor, share: float, choices: int) -> tf.Tensor:
    """Return (1 - share) * label + share / choices of soft labels float32 (n, classes).

    The choices are the classes, or two of each where classes do not exclude each other: it is there, or not.
    Source: C. Szegedy et al., "Rethinking the Inception Architecture" (2016).
    """
    return (1 - share) * labels + share / choices
