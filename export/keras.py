"""A trained Keras model as a function that converters trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def forward(model: Any, picture: Any, kernels: Mapping[int, Any] | None = None) -> Any:
    """Return the model's probabilities for pictures, a tensor of shape (n, classes).

    Per-image standardisation takes its means axis by axis. Engines add up the 700,000 values of one mean in one float32
    sum, whose rounding put ONNX Runtime 1.5e-5 off Keras in a probability of ZFNet; means of means are 4e-7 off.

    Parameters
    ----------
    model
        A row of built-in layers (`tf_keras.Sequential`).
    picture
        float32, shape (n, 288, 432, 3).
    kernels
        Tensors to use in the place of the kernels of dense layers, by the layer's number in the row.
    """
    import tensorflow as tf

    value = picture
    for number, layer in enumerate(model.layers):
        if kernels and number in kernels:
            value = tf.matmul(value, kernels[number]) + layer.bias
        elif standardises(layer):
            centred = value - _mean(value)
            value = centred * tf.math.rsqrt(_mean(tf.square(centred)) + layer.epsilon)
        else:
            value = layer(value, training=False)
    return value


def standardises(layer: Any) -> bool:
    """Tell whether a layer is per-image standardisation: normalisation over height, width and channels, no weights."""
    import tf_keras

    return (
        isinstance(layer, tf_keras.layers.LayerNormalization)
        and sorted(layer.axis) == [1, 2, 3]
        and not layer.center
        and not layer.scale
    )


def _mean(value: Any) -> Any:
    """Return the mean over height, width and channels, shape (n, 1, 1, 1)."""
    import tensorflow as tf

    for axis in (3, 2, 1):
        value = tf.reduce_mean(value, axis, keepdims=True)
    return value
