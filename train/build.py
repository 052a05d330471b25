"""Turn a layer table into Keras models: the stock one that is saved and exported, and its training twin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
import tf_keras

from train.networks import (
    PICTURE_SHAPE,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Pool,
    Relu,
    Softmax,
    Standardise,
    pool_before_relu,
)

STANDARDISE_EPSILON = 1e-12


class SeededDropout(tf_keras.layers.Layer):
    """Dropout whose mask is a pure function of a seed, so that a resumed run draws the masks it would have drawn."""

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


@contextmanager
def dropout_seed(model: tf_keras.Model, seed: tf.Tensor) -> Iterator[None]:
    """Let every `SeededDropout` of `model` use `seed` (int32, shape (2,)) for the calls traced in this block."""
    layers = [layer for layer in model.layers if isinstance(layer, SeededDropout)]
    for number, layer in enumerate(layers):
        layer.seed = tf.random.experimental.stateless_fold_in(seed, number)
    try:
        yield
    finally:
        for layer in layers:
            layer.seed = None


def build(network: tuple[Layer, ...], classes: int, *, name: str, twin: bool = False) -> tf_keras.Model:
    """Return a Keras model of a layer table.

    Parameters
    ----------
    network
        The layer table.
    classes
        Units of the softmax.
    name
        The model's name.
    twin
        Build the training twin (seeded dropout, ReLU behind pools, standardisation step by step) instead of the stock
        model. Their weights are interchangeable, and their predictions equal but for rounding.

    Returns
    -------
    tf_keras.Model
        Input float32 (n, 288, 432, 3), pixel values 0..255; output float32 (n, classes), probabilities. The stock
        model has built-in layers alone, so that it loads without this package.
    """
    layers = [tf_keras.layers.InputLayer(PICTURE_SHAPE, name="picture"), tf_keras.layers.Rescaling(1 / 255)]
    for layer in pool_before_relu(network) if twin else network:
        layers.extend(_keras_layers(layer, classes, twin))
    return tf_keras.Sequential(layers, name=name)


def _keras_layers(layer: Layer, classes: int, twin: bool) -> list[Any]:
    match layer:
        case Conv(filters, kernel, stride, relu):
            return [tf_keras.layers.Conv2D(filters, kernel, stride, activation="relu" if relu else None)]
        case Relu():
            return [tf_keras.layers.ReLU()]
        case Pool(size, stride):
            return [tf_keras.layers.MaxPool2D(size, stride)]
        case Standardise() if twin:
            return [SeparateStandardise()]
        case Standardise():
            # (x - mean) / sqrt(variance + epsilon): per_image_standardization, except on a picture of one colour.
            options = {"axis": (1, 2, 3), "center": False, "scale": False, "epsilon": STANDARDISE_EPSILON}
            return [tf_keras.layers.LayerNormalization(**options)]
        case Flatten():
            return [tf_keras.layers.Flatten()]
        case Dropout(rate):
            return [SeededDropout(rate) if twin else tf_keras.layers.Dropout(rate)]
        case Dense(units):
            return [tf_keras.layers.Dense(units)]
        case Softmax():
            # Under mixed precision the softmax alone stays float32.
            return [
                tf_keras.layers.Dense(classes),
                tf_keras.layers.Activation("softmax", dtype="float32", name="scores"),
            ]
