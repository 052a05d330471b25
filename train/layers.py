"""Keras layers of the training twin: they repeat bit by bit, and are quick in 16 bits where a processor is not."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

STANDARDISE_EPSILON = 1e-12


class SeededDropout(tf_keras.layers.Layer):
    """Dropout whose mask is a pure function of a seed, so that a resumed run has the masks of one without a break."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.seed: tf.Tensor | None = None

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return inputs
        if self.seed is None:
            raise RuntimeError("SeededDropout needs a seed: call the model inside train.build.dropout_seed")
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed=self.seed)


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
