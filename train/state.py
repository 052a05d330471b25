"""The state of a training between two epochs, and its way to and from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
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

    `averaged` has the averages of the twin's weights where the recipe averages them; elsewhere it is the twin. It is
    what is validated and kept. `best` holds its weights of the best epoch so far, where the recipe keeps that one.
    """

    model: tf_keras.Model
    averaged: tf_keras.Model
    optimizer: tf_keras.optimizers.Optimizer
    plateau: Plateau
    history: tuple[dict[str, Any], ...] = ()
    best: tuple[np.ndarray, ...] = ()

    @classmethod
    def start(cls, config: RunConfig, folder: Path, build: Callable[[], tf_keras.Model] | None = None) -> TrainingState:
        """Return the state to go on from: that of the folder's checkpoint, or a new run's, of the model of `build`."""
        build = build or partial(run_model, config, twin=True)
        tf_keras.utils.set_random_seed(config.seed)
        model = averaged = build()
        optimizer = make_optimizer(config.recipe, config.compute.precision, model.trainable_variables)
        if config.recipe.averaging:
            averaged = build()
            averaged.set_weights(model.get_weights())
        checkpoint = Checkpoint.load(folder)
        if checkpoint is None:
            return cls(model, averaged, optimizer, Plateau(config.recipe.learning_rate))
        if checkpoint.run != config.digest:
            raise RunError(f"{folder}: its checkpoint belongs to another run: start a new run")
        _restore(model, averaged, optimizer, checkpoint, folder)
        return cls(model, averaged, optimizer, checkpoint.plateau, tuple(checkpoint.history), checkpoint.best)

    def after(self, entry: dict[str, Any], recipe: Recipe) -> TrainingState:
        """Return the state after one more epoch with this entry in the history."""
        history, best = (*self.history, entry), self.best
        if recipe.keep == "best" and kept_epoch(history, "best") == len(history):
            best = tuple(self.averaged.get_weights())
        plateau = self.plateau.after(entry["val_loss"], recipe) if recipe.schedule == "plateau" else self.plateau
        return replace(self, plateau=plateau, history=history, best=best)

    def kept_weights(self) -> list[np.ndarray]:
        """Return the weights of the epoch that the run keeps."""
        return list(self.best or self.averaged.get_weights())

    def checkpoint(self, run: str) -> Checkpoint:
        """Return the state as arrays, for the run of this digest."""
        weights, slots = tuple(self.model.get_weights()), tuple(value.numpy() for value in _slots(self.optimizer))
        average = tuple(self.averaged.get_weights()) if self.averaged is not self.model else ()
        return Checkpoint(run, len(self.history), self.plateau, self.history, weights, slots, self.best, average)


def _slots(optimizer: tf_keras.optimizers.Optimizer) -> list[tf.Variable]:
    # The variables live in the wrapped optimizer when losses are scaled; the scale and its counter are the wrapper's
    # own.
    inner = getattr(optimizer, "inner_optimizer", None)
    own = [] if inner is None else list(inner.variables)
    own_ids = {id(value) for value in own}
    return own + [value for value in optimizer.variables if id(value) not in own_ids]


def _restore(
    model: tf_keras.Model,
    averaged: tf_keras.Model,
    optimizer: tf_keras.optimizers.Optimizer,
    checkpoint: Checkpoint,
    folder: Path,
) -> None:
    averages = averaged.weights if averaged is not model else []
    variables = [*model.weights, *averages, *_slots(optimizer)]
    values = [*checkpoint.weights, *checkpoint.average, *checkpoint.optimizer]
    layout = [(tuple(variable.shape), variable.dtype.as_numpy_dtype) for variable in variables]
    fits = (len(checkpoint.weights), len(checkpoint.average)) == (len(model.weights), len(averages))
    if not fits or layout != [(value.shape, value.dtype.type) for value in values]:
        raise RunError(
            f"{folder / FILE}: damaged checkpoint (its arrays do not fit the network): "
            "delete it to train this run from its start"
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
