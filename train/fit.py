"""The loop over epochs: from a checkpoint (or none) to trained weights, the same whether it was interrupted or not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from toolkit.errors import RunError
from train.build import build
from train.checkpoint import FILE, Checkpoint
from train.config import RunConfig
from train.networks import find_network, with_dropout
from train.part import Part, Progress
from train.schedule import Plateau
from train.step import PredictStep, make_optimizer, make_predict_step, make_train_step

EVALUATION_BATCH = 32


Report = Callable[[Progress], None]


def epoch_order(seed: int, epoch: int, items: int) -> np.ndarray:
    """Return the order in which an epoch (from 0) visits the items: a permutation drawn from (seed, epoch) alone."""
    return np.random.default_rng((seed, epoch)).permutation(items)


def fit(config: RunConfig, training: Part, validation: Part, folder: Path, report: Report) -> tf_keras.Model:
    """Train to the last epoch, from the folder's checkpoint where there is one; return the stock model, trained.

    A checkpoint is written after every epoch. Every random choice is a function of (seed, epoch, step), so that a run
    that was killed anywhere ends with the same weights, bit by bit, as one that was not.

    Raises
    ------
    RunError
        If the checkpoint is damaged or belongs to another run, or the loss stops being a number.
    """
    recipe = config.recipe
    network = with_dropout(find_network(config.model), recipe.dropout)
    tf_keras.utils.set_random_seed(config.seed)
    model = build(network, len(config.classes), name=config.model, twin=True, device=config.compute.device)
    optimizer = make_optimizer(recipe, config.compute.precision)
    optimizer.build(model.trainable_variables)
    plateau = Plateau(recipe.learning_rate)
    history: list[dict[str, Any]] = []
    checkpoint = Checkpoint.load(folder)
    if checkpoint is not None:
        if checkpoint.run != config.digest:
            raise RunError(f"{folder}: its checkpoint belongs to another run: start a new run")
        _restore(model, optimizer, checkpoint, folder)
        plateau, history = checkpoint.plateau, list(checkpoint.history)
    train_step = make_train_step(model, optimizer, config.compute)
    predict = make_predict_step(model, config.compute)
    steps = math.ceil(len(training.labels) / recipe.batch_size)
    for epoch in range(len(history), recipe.epochs):
        started = time.perf_counter()
        optimizer.learning_rate = plateau.learning_rate
        order = epoch_order(config.seed, epoch, len(training.labels))
        total = correct = 0.0
        for step in range(steps):
            chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            seed = np.array((config.seed, epoch * steps + step), np.int32)
            loss, right = train_step(tf.constant(training.pictures[chosen]), tf.constant(training.labels[chosen]), seed)
            total += float(loss) * len(chosen)
            correct += int(right)
            report(Progress(epoch + 1, recipe.epochs, step + 1, steps, float(loss)))
        probabilities, losses = predict_all(predict, validation)
        entry = {
            "epoch": epoch + 1,
            "loss": total / len(order),
            "accuracy": correct / len(order),
            "val_loss": float(np.mean(losses, dtype=np.float64)),
            "val_accuracy": float(np.mean(probabilities.argmax(1) == validation.labels)),
            "learning_rate": plateau.learning_rate,
            "seconds": round(time.perf_counter() - started, 3),
        }
        if not all(math.isfinite(value) for value in entry.values()):
            raise RunError(
                f"{folder}: the loss of epoch {epoch + 1} is not a number: the training diverged; "
                "try a lower --learning-rate"
            )
        history.append(entry)
        plateau = plateau.after(entry["val_loss"], recipe)
        weights, slots = tuple(model.get_weights()), tuple(value.numpy() for value in _slots(optimizer))
        Checkpoint(config.digest, epoch + 1, plateau, tuple(history), weights, slots).save(folder)
        report(Progress(epoch + 1, recipe.epochs, steps, steps, entry["loss"], entry))
    return stock_model(config, model.get_weights())


def stock_model(config: RunConfig, weights: list[np.ndarray]) -> tf_keras.Model:
    """Return the float32 model of built-in layers, as it is saved, with these weights."""
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("float32")
    try:
        network = with_dropout(find_network(config.model), config.recipe.dropout)
        model = build(network, len(config.classes), name=config.model)
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    model.set_weights(weights)
    return model


def predict_all(predict: PredictStep, part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return (probabilities float32 (n, classes), losses float32 (n,)) of a part."""
    results = []
    for start in range(0, len(part.labels), EVALUATION_BATCH):
        chosen = slice(start, start + EVALUATION_BATCH)
        results.append(
            [value.numpy() for value in predict(tf.constant(part.pictures[chosen]), tf.constant(part.labels[chosen]))]
        )
    return np.concatenate([scores for scores, _ in results]), np.concatenate([losses for _, losses in results])


def _slots(optimizer: tf_keras.optimizers.Optimizer) -> list[tf.Variable]:
    # The variables live in the wrapped optimizer when losses are scaled; the scale and its counter are the wrapper's
    # own.
    inner = getattr(optimizer, "inner_optimizer", None)
    own = [] if inner is None else list(inner.variables)
    known = {id(value) for value in own}
    return own + [value for value in optimizer.variables if id(value) not in known]


def _restore(
    model: tf_keras.Model, optimizer: tf_keras.optimizers.Optimizer, checkpoint: Checkpoint, folder: Path
) -> None:
    variables, values = [*model.weights, *_slots(optimizer)], [*checkpoint.weights, *checkpoint.optimizer]
    wanted = [(tuple(variable.shape), variable.dtype.as_numpy_dtype) for variable in variables]
    fits = len(checkpoint.weights) == len(model.weights)
    if not fits or wanted != [(value.shape, value.dtype.type) for value in values]:
        raise RunError(
            f"{folder / FILE}: damaged checkpoint (its arrays do not fit the network): "
            "delete it to train this run from its start"
        )
    model.set_weights(list(checkpoint.weights))
    for variable, value in zip(_slots(optimizer), checkpoint.optimizer, strict=True):
        variable.assign(value)
