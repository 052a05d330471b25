"""The learning rate of a step: Keras' ReduceLROnPlateau as a value that can be saved, or warm-up and a cosine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from train.config import Recipe


@dataclass(frozen=True)
class Plateau:
    """The schedule's state: the rate to use next, the best validation loss so far, epochs since."""

    learning_rate: float
    best: float = math.inf
    wait: int = 0

    def after(self, validation_loss: float, recipe: Recipe) -> Plateau:
        """Return the state after one more epoch with this validation loss."""
        if validation_loss < self.best - recipe.plateau_delta:
            return replace(self, best=validation_loss, wait=0)
        if self.wait + 1 < recipe.plateau_patience:
            return replace(self, wait=self.wait + 1)
        if np.float32(self.learning_rate) <= np.float32(recipe.min_learning_rate):
            return replace(self, wait=self.wait + 1)
        reduced = max(self.learning_rate * recipe.plateau_factor, recipe.min_learning_rate)
        return replace(self, learning_rate=reduced, wait=0)


def learning_rate(recipe: Recipe, plateau: Plateau, step: int, steps: int) -> float:
    """Return the rate of a step (from 0) of a run's `steps`.

    A cosine's rises evenly to the recipe's in the warm-up, then falls along half a cosine wave to the least one
    (I. Loshchilov, F. Hutter, "SGDR", 2017, without restarts).
    """
    if recipe.schedule == "plateau":
        return plateau.learning_rate
    highest, lowest, rising = recipe.learning_rate, recipe.min_learning_rate, round(recipe.warmup * steps)
    if step < rising:
        return highest * (step + 1) / rising
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * (step - rising) / (steps - rising))) / 2


def kept_epoch(history: Sequence[dict[str, Any]], keep: str) -> int:
    """Return the number (from 1) of the epoch whose weights are kept: the last one, or the best on the validation part.

    The best one has the highest validation accuracy, or mean average precision of several labels; of equals, the lowest
    validation loss; of equals, it is the first.
    """
    if keep == "last":
        return len(history)
    score = "val_mAP" if "val_mAP" in history[0] else "val_accuracy"
    return max(range(len(history)), key=lambda n: (history[n][score], -history[n]["val_loss"], -n)) + 1
