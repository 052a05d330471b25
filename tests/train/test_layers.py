"""The layers of the training twin in 16 bits: the values are the stock layers', the sums are float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request: pytest.FixtureRequest) -> Iterator[str]:
    """Set a mixed policy for the time of a test and return its name."""
    import tf_keras

    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    tf_keras.mixed_precision.set_global_policy(before)


def pairs() -> list[tuple[Any, Any, tuple[int, ...]]]:
    """Return (our layer, the stock layer, shape of its input) with equal settings."""
    import tf_keras

    from train.layers import RoundedConv2D, RoundedDense, RoundedMaxPool2D

    stock = tf_keras.layers
    return [
        (RoundedConv2D(5, 3, 2, activation="relu"), stock.Conv2D(5, 3, 2, activation="relu"), (2, 20, 30, 4)),
        (RoundedDense(7), stock.Dense(7), (2, 40)),
        (RoundedMaxPool2D(3, 2), stock.MaxPool2D(3, 2), (2, 20, 30, 4)),
    ]


def test_values_and_gradients_are_the_stock_layers_within_their_rounding(policy: str) -> None:
    import tensorflow as tf

    step = 2.0**-7 if policy == "mixed_bfloat16" else 2.0**-10
    for ours, stock, shape in pairs():
        values = tf.constant(np.random.default_rng(3).normal(size=shape).astype(np.float32))
        ours(values), stock(values)
        ours.set_weights([weights + 0.1 for weights in stock.get_weights()])
        stock.set_weights(ours.get_weights())
        results = []
        for layer in (ours, stock):
            with tf.GradientTape() as tape:
                tape.watch(values)
                result = layer(values)
                assert result.dtype == policy.removeprefix("mixed_")
                total = tf.reduce_sum(tf.cast(result, tf.float32))
            gradients = tape.gradient(total, [values, *layer.trainable_variables])
            results.append([tf.cast(part, tf.float32).numpy() for part in (result, *gradients)])
        for mine, theirs in zip(*results, strict=True):
            # The stock layers may round on the way, between summands.
            np.testing.assert_allclose(mine, theirs, rtol=4 * step, atol=4 * step * np.abs(theirs).max())


def test_sums_are_not_sixteen_bits_wide(policy: str) -> None:
    """A sum of ones in bfloat16 stays at 256, and one in float16 at 2048."""
    import tensorflow as tf

    from train.layers import RoundedConv2D, RoundedDense

    layer = RoundedConv2D(1, 1, kernel_initializer="ones")
    with tf.GradientTape() as tape:
        result = layer(tf.ones((1, 64, 64, 4096)))
        total = tf.reduce_sum(tf.cast(result, tf.float32))
    assert np.all(result.numpy().astype(np.float32) == 4096)
    kernel, bias = tape.gradient(total, layer.trainable_variables)
    assert np.all(kernel.numpy() == 4096) and np.all(bias.numpy() == 4096)
    dense = RoundedDense(1, kernel_initializer="ones")
    assert dense(tf.ones((1, 4096))).numpy().astype(np.float32) == 4096


def test_a_twin_on_a_processor_has_them_and_one_on_a_gpu_has_the_stock_layers(policy: str) -> None:
    import tf_keras

    from train.build import build
    from train.layers import RoundedConv2D
    from train.networks import GTZANET

    def kinds(**options: Any) -> set[bool]:
        model = build(GTZANET, 3, name="test", **options)
        return {type(layer) is RoundedConv2D for layer in model.layers if isinstance(layer, tf_keras.layers.Conv2D)}

    assert kinds(twin=True) == {True}
    assert kinds(twin=True, device="gpu") == kinds() == {False}
    tf_keras.mixed_precision.set_global_policy("float32")
    assert kinds(twin=True) == {False}
