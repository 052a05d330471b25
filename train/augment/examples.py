"""From a shard's values and labels to what the network trains on, by the recipe."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from toolkit.frontend.spec import FrontEnd
from train.augment.labels import Mixup, smooth
from train.augment.presets import Augmentation
from train.config import Recipe

AUGMENTATION, MIXUP = 1 << 29, 1 << 30
"""What is folded into a shard's seed; dropout layers fold in their numbers."""


@dataclass(frozen=True)
class Examples:
    """What a recipe does to the examples of a step.

    Transforms change each item's values; then mixup mixes items; then labels are smoothed. Without any of it, values
    and labels stay as they are.
    """

    classes: int
    augmentation: Augmentation | None = None
    mixup: Mixup | None = None
    smoothing: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe, front_end: FrontEnd, classes: int) -> Examples:
        """Return a recipe's; raise `UsageError` where the front end has no grid to augment."""
        augmentation = None if recipe.augment == "none" else Augmentation.of(recipe.augment, front_end)
        return cls(classes, augmentation, Mixup(recipe.mixup) if recipe.mixup else None, recipe.label_smoothing)

    def __call__(self, values: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return values float32 (n, ...), and labels: int32 (n,) as they came, or soft, float32 (n, classes).

        Labels that come as 0 or 1, float32 (n, classes), do not exclude each other.
        """
        if self.augmentation:
            values = self.augmentation(values, tf.random.experimental.stateless_fold_in(seed, AUGMENTATION))
        if not self.mixup and not self.smoothing:
            return values, labels
        exclusive = labels.dtype.is_integer
        soft = tf.one_hot(labels, self.classes) if exclusive else labels
        if self.mixup:
            values, soft = self.mixup(values, soft, tf.random.experimental.stateless_fold_in(seed, MIXUP))
        return values, smooth(soft, self.smoothing, self.classes if exclusive else 2)
