"""One step of training and of prediction, on a batch split into shards that run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from train.build import dropout_seed
from train.config import Compute, Recipe

TrainStep = Callable[[Any, Any, Any], tuple[tf.Tensor, tf.Tensor]]
PredictStep = Callable[[Any, Any], tuple[tf.Tensor, tf.Tensor]]


def make_optimizer(recipe: Recipe, precision: str) -> tf_keras.optimizers.Optimizer:
    """Return SGD with momentum, wrapped in dynamic loss scaling for mixed_float16."""
    optimizer = tf_keras.optimizers.SGD(recipe.learning_rate, momentum=recipe.momentum)
    return tf_keras.mixed_precision.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer


def shard_sizes(batch: int, shards: int) -> list[int]:
    """Return the sizes of `shards` near-equal parts of a batch, fewer if the batch is smaller than that."""
    return [len(part) for part in np.array_split(np.arange(batch), min(shards, batch))]


@contextmanager
def _after(tensors: list[tf.Tensor]) -> Iterator[None]:
    with tf.control_dependencies(tensors):
        yield


def make_train_step(
    model: tf_keras.Model, optimizer: tf_keras.optimizers.Optimizer, compute: Compute, *, xla: bool = False
) -> TrainStep:
    """Return `step(pictures, labels, seed) -> (mean loss, correct)`, both float32; XLA compiles it where `xla` is set.

    `pictures` is uint8 (n, 288, 432, 3), `labels` int32 (n,), `seed` int32 (2,). The batch's gradient is the sum of
    its shards' gradients; at most `compute.threads` shards are under way at once, which bounds memory and keeps their
    activations in the cache.
    """
    scaling = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)

    @tf.function(jit_compile=xla or None)
    def step(pictures: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = pictures.shape[0]
        sizes = shard_sizes(batch, compute.shards)
        sums: list[list[tf.Tensor]] = []
        losses, correct = [], []
        parts = zip(_split(pictures, sizes), _split(labels, sizes), strict=True)
        for number, (shard, truth) in enumerate(parts):
            earlier = sums[number - compute.threads] if number >= compute.threads else []
            with _after(earlier), dropout_seed(model, tf.random.experimental.stateless_fold_in(seed, number)):
                with tf.GradientTape() as tape:
                    scores = model(tf.cast(shard, tf.float32), training=True)
                    loss = tf.reduce_sum(tf_keras.losses.sparse_categorical_crossentropy(truth, scores)) / batch
                    target = optimizer.get_scaled_loss(loss) if scaling else loss
                sums.append(tape.gradient(target, model.trainable_variables))
                losses.append(loss)
                correct.append(_correct(scores, truth))
        gradients = [_sum(parts) for parts in zip(*sums, strict=True)]
        if scaling:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return _sum(losses), _sum(correct)

    return step


def make_predict_step(model: tf_keras.Model, compute: Compute) -> PredictStep:
    """Return `predict(pictures, labels) -> (probabilities float32 (n, classes), loss of each float32 (n,))`."""

    @tf.function
    def predict(pictures: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sizes = shard_sizes(pictures.shape[0], compute.shards)
        scores, losses = [], []
        for shard, truth in zip(_split(pictures, sizes), _split(labels, sizes), strict=True):
            part = model(tf.cast(shard, tf.float32), training=False)
            scores.append(part)
            losses.append(tf_keras.losses.sparse_categorical_crossentropy(truth, part))
        return tf.concat(scores, 0), tf.concat(losses, 0)

    return predict


def _split(batch: tf.Tensor, sizes: Sequence[int]) -> Sequence[tf.Tensor]:
    # A GPU has no kernel that splits uint8: even one part would be copied to the processor and back.
    return [batch] if len(sizes) == 1 else tf.split(batch, sizes)


def _sum(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    # In this order always: tf.add_n begins with whichever input's buffer is free by then, so that its rounding depends
    # on which thread was faster.
    return parts[0] if len(parts) == 1 else tf.reduce_sum(tf.stack(parts), 0)


def _correct(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    # Counted in float32, which is exact up to 16 million: a GPU has no kernel for sums of int32.
    return tf.reduce_sum(tf.cast(tf.equal(tf.argmax(scores, 1), tf.cast(labels, tf.int64)), tf.float32))
