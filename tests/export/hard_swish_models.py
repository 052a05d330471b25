"""A small network with hard-swish: a light and a heavy convolution, and a depthwise one."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPE = (16, 24, 1)
INPUTS = np.random.default_rng(0).normal(size=(8, *SHAPE)).astype(np.float32)


def hard_swish_model(offset: float = 3.0) -> Any:
    """Return the network; with another `offset`, its activation is none that converters know."""
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)

    def swish(x: Any, name: str) -> Any:
        gate = layers.ReLU(6)(layers.Rescaling(1.0, offset)(x))
        return layers.Multiply(name=name)([x, layers.Rescaling(1 / 6)(gate)])

    source = layers.Input(SHAPE)
    x = swish(layers.Conv2D(64, 5, name="light")(source), "first")
    x = swish(layers.DepthwiseConv2D(3, name="depthwise")(x), "second")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 1, name="heavy")(x))
    return tf_keras.Model(source, layers.Dense(4, "softmax", name="head")(x))
