"""The learning rate: Keras' ReduceLROnPlateau on the validation loss, but as a value that can be saved."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
