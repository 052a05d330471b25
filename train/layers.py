"""Keras layers of the training twin: they repeat bit by bit, and are quick in 16 bits where a processor is not."""

from __future__ import annotations

import math
import threading
from typing import Any

import tensorflow as tf
import tf_keras

from train.distribute import Rows, is_first_here, replica, summed

STANDARDISE_EPSILON = 1e-12


class SeededDropout(tf_keras.layers.Layer):
    """Dropout whose mask is a pure function of a seed, so that a resumed run has the masks of one without a break."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        # Replicas of one process are traced by a thread each, in turns.
        self.traced = threading.local()

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return inputs
        seed, rows = getattr(self.traced, "seed", None), getattr(self.traced, "rows", None)
        if seed is None:
            raise RuntimeError("SeededDropout needs a seed: call the model inside train.build.dropout_seed")
        if rows is None:
            return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed=seed)
        return rows.of(tf.nn.experimental.stateless_dropout(rows.placed(inputs), self.rate, seed=seed))


class SharedBatchNormalization(tf_keras.layers.BatchNormalization):
    """Batch normalisation by the statistics of the rows of all replicas, as one device has them of the whole batch.

    The replicas' means and sums of squares are joined without a difference of large numbers (T. F. Chan, G. H. Golub,
    R. J. LeVeque, "Algorithms for Computing the Sample Variance", 1983). No value is used more than twice, see
    `SeparateStandardise`. Each process keeps its own moving statistics, which are the same in all.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.traced = threading.local()

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training or not self.trainable:
            return super().call(inputs, training=False)
        axes = [axis for axis in range(len(inputs.shape)) if axis not in self.axis]
        share = 1.0 if self.traced.rows.counts else 0.0
        count = tf.constant(share * math.prod(inputs.shape[axis] for axis in axes))
        values = tf.cast(inputs, tf.float32)
        own_mean = tf.reduce_mean(values, axes, keepdims=True)
        centred = values - own_mean
        squares = share * tf.reduce_sum(tf.square(centred), axes, keepdims=True)
        counts, means, squares = _gathered([count, own_mean, squares])
        total = tf.reduce_sum(counts)
        counts = tf.reshape(counts, [-1] + [1] * len(inputs.shape))
        mean = tf.reduce_sum(counts * means, 0) / total
        offsets = means - mean
        variance = (tf.reduce_sum(squares, 0) + tf.reduce_sum(counts * tf.square(offsets), 0)) / total
        if is_first_here():
            unbiased = variance * (total / (total - 1)) if self.fused else variance  # as Keras' kernel has it
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, unbiased)):
                moving.assign_sub((moving - tf.reshape(value, moving.shape)) * (1 - self.momentum))
        factor = tf.math.rsqrt(variance + self.epsilon)
        if self.scale:
            factor *= tf.reshape(self.gamma, mean.shape)
        normalised = (centred + offsets[replica()]) * factor
        if self.center:
            normalised += tf.reshape(self.beta, mean.shape)
        return tf.cast(normalised, self.compute_dtype)


def _gathered(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the values of all replicas, (replicas, ...), in each of them."""
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    place = Rows(replica(), replica() + 1, replicas)
    return summed([place.placed(value[tf.newaxis]) for value in values])


class SeparateStandardise(tf_keras.layers.Layer):
    """What the stock model's LayerNormalization computes, in steps none of which uses a value more than twice.

    The gradient of a value used three times is a sum of three, which TensorFlow rounds in the order in which its
    threads finish: a training would not repeat bit by bit.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sample = (1, 2, 3)
        values = tf.cast(inputs, tf.float32)
        centred = values - tf.reduce_mean(values, sample, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), sample, keepdims=True)
        return tf.cast(centred * tf.math.rsqrt(variance + STANDARDISE_EPSILON), inputs.dtype)


class RoundedConv2D(tf_keras.layers.Conv2D):
    """A convolution without padding whose 16-bit values are multiplied and summed in float32, then rounded.

    That is how a GPU computes in 16 bits. TensorFlow's own 16-bit kernels for a processor without the instructions are
    many times slower than its float32 ones.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        wide = tf.nn.conv2d(_wide(inputs), _wide(self.kernel), self.strides, "VALID")
        return self.activation(tf.cast(tf.nn.bias_add(wide, _wide(self.bias)), self.compute_dtype))


class RoundedDense(tf_keras.layers.Dense):
    """A dense layer whose 16-bit values are multiplied and summed in float32, then rounded."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        wide = tf.matmul(_wide(inputs), _wide(self.kernel))
        return self.activation(tf.cast(tf.nn.bias_add(wide, _wide(self.bias)), self.compute_dtype))


class RoundedMaxPool2D(tf_keras.layers.MaxPool2D):
    """Max pooling of 16-bit values by the float32 kernel; no value changes."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(super().call(_wide(inputs)), self.compute_dtype)


def _wide(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)
