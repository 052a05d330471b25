"""The state of a training between two epochs, and its way to and from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from toolkit.errors import RunError
from train.build import run_model
from train.checkpoint import FILE, Checkpoint
from train.config import Recipe, RunConfig
from train.schedule import Plateau, kept_epoch
from train.step import make_optimizer


@dataclass(frozen=True)
class TrainingState:
    """What changes from epoch to epoch: the twin and its optimizer, the learning rate's schedule, the history.

    `best` holds the weights of the best epoch so far, where the recipe keeps that one.
    """

    model: tf_keras.Model
    optimizer: tf_keras.optimizers.Optimizer
    plateau: Plateau
    history: tuple[dict[str, Any], ...] = ()
    best: tuple[np.ndarray, ...] = ()

    @classmethod
    def start(cls, config: RunConfig, folder: Path) -> TrainingState:
        """Return the state to go on from: that of the folder's checkpoint, or a new run's."""
        tf_keras.utils.set_random_seed(config.seed)
        model = run_model(config, twin=True)
        optimizer = make_optimizer(config.recipe, config.compute.precision)
        optimizer.build(model.trainable_variables)
        checkpoint = Checkpoint.load(folder)
        if checkpoint is None:
            return cls(model, optimizer, Plateau(config.recipe.learning_rate))
        if checkpoint.run != config.digest:
            raise RunError(f"{folder}: its checkpoint belongs to another run: start a new run")
        _restore(model, optimizer, checkpoint, folder)
        return cls(model, optimizer, checkpoint.plateau, tuple(checkpoint.history), checkpoint.best)

    def after(self, entry: dict[str, Any], recipe: Recipe) -> TrainingState:
        """Return the state after one more epoch with this entry in the history."""
        history, best = (*self.history, entry), self.best
        if recipe.keep == "best" and kept_epoch(history, "best") == len(history):
            best = tuple(self.model.get_weights())
        return replace(self, plateau=self.plateau.after(entry["val_loss"], recipe), history=history, best=best)

    def kept_weights(self) -> list[np.ndarray]:
        """Return the weights of the epoch that the run keeps."""
        return list(self.best or self.model.get_weights())

    def checkpoint(self, run: str) -> Checkpoint:
        """Return the state as arrays, for the run of this digest."""
        weights, slots = tuple(self.model.get_weights()), tuple(value.numpy() for value in _slots(self.optimizer))
        return Checkpoint(run, len(self.history), self.plateau, self.history, weights, slots, self.best)


def _slots(optimizer: tf_keras.optimizers.Optimizer) -> list[tf.Variable]:
    # The variables live in the wrapped optimizer when losses are scaled; the scale and its counter are the wrapper's
    # own.
    inner = getattr(optimizer, "inner_optimizer", None)
    own = [] if inner is None else list(inner.variables)
    own_ids = {id(value) for value in own}
    return own + [value for value in optimizer.variables if id(value) not in own_ids]


def _restore(
    model: tf_keras.Model, optimizer: tf_keras.optimizers.Optimizer, checkpoint: Checkpoint, folder: Path
) -> None:
    variables, values = [*model.weights, *_slots(optimizer)], [*checkpoint.weights, *checkpoint.optimizer]
    layout = [(tuple(variable.shape), variable.dtype.as_numpy_dtype) for variable in variables]
    fits = len(checkpoint.weights) == len(model.weights)
    if not fits or layout != [(value.shape, value.dtype.type) for value in values]:
        raise RunError(
            f"{folder / FILE}: damaged checkpoint (its arrays do not fit the network): "
            "delete it to train this run from its start"
        )
    model.set_weights(list(checkpoint.weights))
    for variable, value in zip(_slots(optimizer), checkpoint.optimizer, strict=True):
        variable.assign(value)
