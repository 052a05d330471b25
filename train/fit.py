"""The loop over epochs: from a checkpoint (or none) to trained weights, the same whether it was interrupted or not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from toolkit.errors import RunError
from toolkit.frontend.spec import FrontEnd
from toolkit.measure.multi_label import mean_average_precision
from train.augment.examples import Examples
from train.build import run_model
from train.cluster import is_chief
from train.config import RunConfig
from train.crops import EpochWindows
from train.data import Part, Progress
from train.distribute import check_alike, strategy_of
from train.feed import Feed, make_feed
from train.schedule import learning_rate
from train.state import TrainingState
from train.step import Averages, PredictStep, TrainStep, make_predict_step, make_train_step

EVALUATION_BATCH = 32
SAVING_SHARE = 1 / 20
"""The largest share of a run's time that is spent on checkpoints."""


Report = Callable[[Progress], None]


class Pace:
    """When a checkpoint is due: the first one at once, each later one when its time is a small share."""

    def __init__(self) -> None:
        self.cost = 0.0
        self.ended = time.perf_counter()

    def is_due(self) -> bool:
        """Return whether a checkpoint written now keeps to `SAVING_SHARE`."""
        return self.cost <= SAVING_SHARE * (time.perf_counter() - self.ended)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Time the block, which writes a checkpoint."""
        started = time.perf_counter()
        yield
        self.ended = time.perf_counter()
        self.cost = self.ended - started


def fit(
    config: RunConfig,
    training: Part,
    validation: Part,
    folder: Path,
    report: Report,
    *,
    build: Callable[[], tf_keras.Model] | None = None,
    feed_of: Callable[[Part, str], Feed] = make_feed,
    xla: bool = False,
) -> tuple[tf_keras.Model, list[dict[str, Any]]]:
    """Train to the last epoch, from the folder's checkpoint where there is one.

    Returns the stock model, trained, and the history: one entry per epoch. `build` returns the model to train where
    that is not the run's with random weights. `feed_of` and `xla` are for measuring. Every random choice is a function
    of (seed, epoch, step), so that a run that was killed anywhere ends with the same weights, bit by bit, as one that
    was not. A checkpoint is written after an epoch, unless that were more than a twentieth of the time; the last epoch
    always has one.

    Raises `RunError` if the checkpoint is damaged or belongs to another run, or the loss stops being a number.
    """
    recipe, compute = config.recipe, config.compute
    state = TrainingState.start(config, folder, build)
    spec = FrontEnd.from_dict(config.front_end)
    windows = EpochWindows.of(config.seed, recipe, training, spec)
    steps = math.ceil(windows.count / recipe.batch_size)
    averages = Averages(state.averaged, max(recipe.averaging * steps * recipe.epochs, 1)) if recipe.averaging else None
    weights = balanced(training.labels, len(config.classes)) if recipe.class_weights == "balanced" else None
    options: dict[str, Any] = {"multi_label": config.multi_label, "strategy": strategy_of(compute)}
    predict = make_predict_step(state.averaged, compute, **options)
    options |= {"prepare": Examples.of(recipe, spec, len(config.classes)), "averages": averages, "xla": xla}
    train_step = make_train_step(state.model, state.optimizer, compute, class_weights=weights, **options)
    check_alike(options["strategy"], lambda: state.checkpoint(config.digest).arrays["digest"].tobytes())
    feed, validation_feed = (feed_of(part, compute.device) for part in (training, validation))
    pace = Pace()
    for epoch in range(len(state.history), recipe.epochs):
        started = time.perf_counter()
        loss, accuracy = _train_epoch(config, state, feed, windows, train_step, report)
        trained = {"loss": loss} if config.multi_label else {"loss": loss, "accuracy": accuracy}
        validated = _validation_entry(validation, *predict_all(predict, validation_feed, len(validation.labels)))
        entry = {"epoch": epoch + 1, **trained, **validated}
        entry["learning_rate"] = learning_rate(recipe, state.plateau, (epoch + 1) * steps - 1, recipe.epochs * steps)
        entry["seconds"] = round(time.perf_counter() - started, 3)
        _check_finite(entry, folder)
        state = state.after(entry, recipe)
        if is_chief(compute) and (pace.is_due() or epoch + 1 == recipe.epochs):
            with pace.saving():
                state.checkpoint(config.digest).save(folder)
        report(Progress(epoch + 1, recipe.epochs, steps, steps, loss, entry))
    return stock_model(config, state.kept_weights(), build), list(state.history)


def _validation_entry(validation: Part, probabilities: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """Return the part of an epoch's entry in the history that the validation part decides; every clip counts alike."""
    means, labels = validation.clip_means(probabilities), validation.clip_labels
    loss = float(np.mean(validation.clip_means(losses)))
    if labels.ndim == 2:
        return {"val_loss": loss, "val_mAP": mean_average_precision(means, labels)}
    return {"val_loss": loss, "val_accuracy": float(np.mean(means.argmax(1) == labels))}


def _check_finite(entry: dict[str, Any], folder: Path) -> None:
    """Raise `RunError` where an epoch's loss is not a number: the weights are lost, and no checkpoint may keep them."""
    if not all(math.isfinite(value) for value in entry.values()):
        raise RunError(
            f"{folder}: the loss of epoch {entry['epoch']} is not a number: the training diverged; "
            "try a lower --learning-rate"
        )


def balanced(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the weight of each class, float32 (classes,), with which all count alike; their mean over items is 1."""
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (classes * np.maximum(counts, 1))).astype(np.float32)


def _train_epoch(
    config: RunConfig, state: TrainingState, feed: Feed, windows: EpochWindows, train_step: TrainStep, report: Report
) -> tuple[float, float]:
    """Train the epoch after those of the state's history and return its mean loss and accuracy.

    A step's loss is read after the next step has been started: a GPU computes on while this process waits for it.
    """
    recipe, epoch = config.recipe, len(state.history)
    order = windows.order(epoch)
    chosen = [order[start : start + recipe.batch_size] for start in range(0, windows.count, recipe.batch_size)]
    steps = len(chosen)
    total = correct = 0.0
    started: list[tuple[tf.Tensor, tf.Tensor]] = []

    def read(step: int) -> None:
        nonlocal total, correct
        loss, right = (float(value) for value in started[step])
        total += loss * len(chosen[step])
        correct += right
        report(Progress(epoch + 1, recipe.epochs, step + 1, steps, loss))

    for step, (values, labels) in enumerate(feed.batches(chosen)):
        number = epoch * steps + step
        seed = np.array((config.seed, number), np.int32)
        state.optimizer.learning_rate = learning_rate(recipe, state.plateau, number, recipe.epochs * steps)
        started.append(train_step(values, labels, seed))
        if step:
            read(step - 1)
    read(steps - 1)
    return total / windows.count, correct / windows.count


def stock_model(
    config: RunConfig, weights: list[np.ndarray], build: Callable[[], tf_keras.Model] | None = None
) -> tf_keras.Model:
    """Return the float32 model of built-in layers, as it is saved, with these weights."""
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("float32")
    try:
        model = build() if build else run_model(config)
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    model.set_weights(weights)
    return model


def predict_all(predict: PredictStep, feed: Feed, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (probabilities float32 (items, classes), losses float32 (items,)) of a feed, in its order."""
    numbers = np.arange(items)
    chosen = [numbers[start : start + EVALUATION_BATCH] for start in range(0, items, EVALUATION_BATCH)]
    results = [predict(values, labels) for values, labels in feed.batches(chosen)]  # on a GPU, still under way
    scores, losses = zip(*results, strict=True)
    return np.concatenate([part.numpy() for part in scores]), np.concatenate([part.numpy() for part in losses])
