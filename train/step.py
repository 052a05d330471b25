"""One step of training and of prediction, on a batch split into shards that run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from train.build import dropout_seed
from train.config import Compute, Recipe
from train.distribute import Rows, own_rows, run, summed

Prepare = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
TrainStep = Callable[[Any, Any, Any], tuple[tf.Tensor, tf.Tensor]]
PredictStep = Callable[[Any, Any], tuple[tf.Tensor, tf.Tensor]]


def make_optimizer(recipe: Recipe, precision: str, variables: Sequence[tf.Variable]) -> tf_keras.optimizers.Optimizer:
    """Return the recipe's optimizer of these variables, wrapped in dynamic loss scaling for mixed_float16.

    Weights decay where they are kernels: biases and the scales and offsets of normalisation have one dimension.
    """
    if recipe.optimizer == "sgd":
        optimizer = tf_keras.optimizers.SGD(recipe.learning_rate, momentum=recipe.momentum)
    else:
        optimizer = tf_keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay([variable for variable in variables if variable.shape.rank < 2])
    if precision == "mixed_float16":
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    optimizer.build(variables)
    return optimizer


@dataclass(frozen=True)
class Averages:
    """The exponential averages of a model's weights, kept in the weights of a second one.

    All weights are averaged, those of the trainable kind and the moving statistics of batch normalisation alike: the
    averaged network then has the statistics of the weights it is the average of, without a pass over the clips. They
    differ by what the weights move within the span, which is little where the learning rate falls to zero.

    `span` is in steps; each step moves an average by 1 / span of its distance, the first ones further, so that the
    initial weights fade: min(1 - 1 / span, (1 + t) / (10 + t)) of it stays at step t.
    """

    model: tf_keras.Model
    span: float

    def update(self, model: tf_keras.Model, step: tf.Tensor) -> None:
        """Take in the weights after `step` steps."""
        step = tf.cast(step, tf.float32)
        moving = 1 - tf.minimum(1 - 1 / self.span, (1 + step) / (10 + step))
        for average, weight in zip(self.model.weights, model.weights, strict=True):
            average.assign_add(moving * (weight - average))


def shard_sizes(batch: int, shards: int) -> list[int]:
    """Return the sizes of `shards` near-equal parts of a batch, fewer if the batch is smaller than that."""
    return [len(part) for part in np.array_split(np.arange(batch), min(shards, batch))]


@contextmanager
def _after(tensors: list[tf.Tensor]) -> Iterator[None]:
    with tf.control_dependencies(tensors):
        yield


def make_train_step(
    model: tf_keras.Model,
    optimizer: tf_keras.optimizers.Optimizer,
    compute: Compute,
    *,
    prepare: Prepare | None = None,
    averages: Averages | None = None,
    class_weights: np.ndarray | None = None,
    multi_label: bool = False,
    xla: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> TrainStep:
    """Return `step(pictures, labels, seed) -> (mean loss, correct)`, both float32; XLA compiles it where `xla` is set.

    `pictures` is uint8 (n, 288, 432, 3), `labels` int32 (n,), or with `multi_label` 0 or 1, float32 (n, classes), for
    the binary cross entropy; `seed` is int32 (2,). The batch's gradient is the sum of its shards' gradients; at most
    `compute.threads` shards are under way at once, which bounds memory and keeps their activations in the cache.
    `prepare` makes a shard's training examples, whose labels may be soft: then an item is correct where the network's
    class is the heaviest. `class_weights`, float32 (classes,), weigh the loss of items. With `strategy`, each replica
    computes its rows of the same batch, and all apply the sum of their gradients.
    """
    scaling = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
    scaled = optimizer.get_scaled_loss if scaling else lambda loss: loss
    loss_of = partial(_loss, class_weights=class_weights, multi_label=multi_label)
    own_sums = _own_sums(model, compute, prepare, loss_of, scaled, strategy)

    @tf.function(jit_compile=xla or None)
    def step(pictures: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        *gradients, loss, correct = run(strategy, own_sums, pictures, labels, seed)
        if scaling:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        if averages:
            averages.update(model, optimizer.iterations)
        return loss, correct

    return step


def _own_sums(
    model: tf_keras.Model,
    compute: Compute,
    prepare: Prepare | None,
    loss_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    scaled: Callable[[tf.Tensor], tf.Tensor],
    strategy: tf.distribute.Strategy | None,
) -> Callable[..., list[tf.Tensor]]:
    """Return what computes the gradients, the loss and the correct items of a replica's rows, summed over replicas."""

    def own_sums(pictures: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
        batch = pictures.shape[0]
        sizes = shard_sizes(batch, compute.shards)
        own = own_rows(sizes, strategy)
        sums: list[list[tf.Tensor]] = []
        losses, correct = [], []
        parts = enumerate(shards(pictures, labels, seed, sizes))
        for rows, shard, truth, shard_seed in [(own[number], *part) for number, part in parts if number in own]:
            earlier = sums[-compute.threads] if len(sums) >= compute.threads else []
            with _after(earlier), dropout_seed(model, shard_seed, rows if strategy else None):
                values = tf.cast(shard, tf.float32)
                if prepare:
                    values, truth = prepare(values, truth, shard_seed)
                values, truth = rows.of(values), rows.of(truth)
                with tf.GradientTape() as tape:
                    scores = model(values, training=True)
                    loss = loss_of(truth, scores) / batch
                    loss = loss if rows.counts else 0.0 * loss
                    target = scaled(loss)
                sums.append(tape.gradient(target, model.trainable_variables))
                losses.append(loss)
                correct.append(_correct(scores, truth) if rows.counts else tf.constant(0.0))
        results = [*(_sum(parts) for parts in zip(*sums, strict=True)), _sum(losses), _sum(correct)]
        return summed(results) if strategy else results

    return own_sums


def make_predict_step(
    model: tf_keras.Model,
    compute: Compute,
    *,
    multi_label: bool = False,
    strategy: tf.distribute.Strategy | None = None,
) -> PredictStep:
    """Return `predict(pictures, labels) -> (probabilities float32 (n, classes), loss of each float32 (n,))`.

    With `strategy`, each replica computes its rows of the same batch, and has the results of all.
    """

    def own_results(pictures: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        batch = pictures.shape[0]
        sizes = shard_sizes(batch, compute.shards)
        own = own_rows(sizes, strategy)
        scores, losses = [], []
        for number, (shard, truth) in enumerate(zip(_split(pictures, sizes), _split(labels, sizes), strict=True)):
            if number in own:
                part = model(tf.cast(own[number].of(shard), tf.float32), training=False)
                scores.append(part)
                losses.append(_crossentropy(own[number].of(truth), part, multi_label))
        results = [tf.concat(scores, 0), tf.concat(losses, 0)]
        if strategy is None:
            return results
        first = sum(sizes[: min(own)]) + own[min(own)].first
        place = Rows(first, first + results[0].shape[0], batch)
        share = 1.0 if own[min(own)].counts else 0.0
        return summed([place.placed(share * result) for result in results])

    @tf.function
    def predict(pictures: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scores, losses = run(strategy, own_results, pictures, labels)
        return scores, losses

    return predict


def shards(
    pictures: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, sizes: Sequence[int]
) -> Iterator[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    """Yield each shard of a batch with a seed of its own."""
    for number, (shard, truth) in enumerate(zip(_split(pictures, sizes), _split(labels, sizes), strict=True)):
        yield shard, truth, tf.random.experimental.stateless_fold_in(seed, number)


def _crossentropy(labels: tf.Tensor, scores: tf.Tensor, multi_label: bool) -> tf.Tensor:
    """Return each item's loss, float32 (n,): labels are class numbers, int32 (n,), or soft, float32 (n, classes).

    Of several labels, it is the mean over the classes of their binary cross entropies.
    """
    if multi_label:
        return tf_keras.losses.binary_crossentropy(labels, scores)
    if labels.dtype.is_integer:
        return tf_keras.losses.sparse_categorical_crossentropy(labels, scores)
    return tf_keras.losses.categorical_crossentropy(labels, scores)


def _loss(labels: tf.Tensor, scores: tf.Tensor, class_weights: np.ndarray | None, multi_label: bool) -> tf.Tensor:
    """Return the sum of the items' weighted losses."""
    weights = 1.0 if class_weights is None else _weights(labels, tf.constant(class_weights))
    return tf.reduce_sum(weights * _crossentropy(labels, scores, multi_label))


def _weights(labels: tf.Tensor, class_weights: tf.Tensor) -> tf.Tensor:
    """Return each item's weight, float32 (n,): its class's, or the mean over the classes of soft labels."""
    if labels.dtype.is_integer:
        return tf.gather(class_weights, labels)
    return tf.linalg.matvec(labels, class_weights)


def _split(batch: tf.Tensor, sizes: Sequence[int]) -> Sequence[tf.Tensor]:
    # A GPU has no kernel that splits uint8: even one part would be copied to the processor and back.
    return [batch] if len(sizes) == 1 else tf.split(batch, sizes)


def _sum(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    # In this order always: tf.add_n begins with whichever input's buffer is free by then, so that its rounding depends
    # on which thread was faster.
    return parts[0] if len(parts) == 1 else tf.reduce_sum(tf.stack(parts), 0)


def _correct(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    # Counted in float32, which is exact up to 16 million: a GPU has no kernel for sums of int32.
    heaviest = tf.cast(labels, tf.int64) if labels.dtype.is_integer else tf.argmax(labels, 1)
    return tf.reduce_sum(tf.cast(tf.equal(tf.argmax(scores, 1), heaviest), tf.float32))
