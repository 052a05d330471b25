"""The sharded step gives the gradient of the whole batch, in every precision, and dropout is a function of its seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train.config import Compute, Recipe
from train.networks import GTZANET, TABLES, Conv, Dropout, Flatten, Pool, Softmax, Standardise, with_dropout

pytestmark = pytest.mark.slow

TINY = (Conv(4, 3, 4), Pool(), Flatten(), Dropout(0.3), Softmax())
NORMALISED = (Conv(4, 3, 4), Pool(), Standardise(), Conv(4, 3, 4), Flatten(), Softmax())


def batch(n: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (n, 288, 432, 3), np.uint8), rng.integers(0, 3, n).astype(np.int32)


def weights_after(
    network: Any, compute: Compute, steps: int = 3, seed: int = 5
) -> tuple[list[np.ndarray], list[float]]:
    import tensorflow as tf
    import tf_keras

    from train.build import build
    from train.step import make_optimizer, make_train_step

    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(compute.precision)
    try:
        tf_keras.utils.set_random_seed(0)
        model = build(network, 3, name="test", twin=True)
        optimizer = make_optimizer(Recipe(), compute.precision, model.trainable_variables)
        step = make_train_step(model, optimizer, compute)
        pictures, labels = batch()
        losses = [
            float(step(tf.constant(pictures), tf.constant(labels), np.array((seed, i), np.int32))[0])
            for i in range(steps)
        ]
        return model.get_weights(), losses
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)


@pytest.mark.parametrize("shards", [2, 4, 100])
def test_shards_move_the_result_by_rounding_alone(shards: int) -> None:
    network = with_dropout(GTZANET, 0.0)
    before, _ = weights_after(network, Compute("cpu", "float32", 2, 1), steps=0)
    whole, losses = weights_after(network, Compute("cpu", "float32", 2, 1), steps=1)
    parts, other = weights_after(network, Compute("cpu", "float32", 2, shards), steps=1)
    assert other == pytest.approx(losses, rel=1e-5)
    for start, mine, theirs in zip(before, whole, parts, strict=True):
        assert np.abs(mine - start).max() > 0
        assert np.abs(mine - theirs).max() <= 1e-3 * np.abs(mine - start).max()


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", sorted(TABLES))
def test_no_sum_depends_on_which_thread_is_faster(name: str, precision: str) -> None:
    """AddN starts with whichever input's buffer is free; with two inputs that cannot change the rounding."""
    import tensorflow as tf
    import tf_keras

    from train.build import build
    from train.step import make_optimizer, make_train_step

    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(precision)
    model = build(TABLES[name], 3, name="test", twin=True)
    tf_keras.mixed_precision.set_global_policy(policy)
    optimizer = make_optimizer(Recipe(), precision, model.trainable_variables)
    step: Any = make_train_step(model, optimizer, Compute("cpu", precision, 2, 4))
    signature = [
        tf.TensorSpec((8, 288, 432, 3), tf.uint8),
        tf.TensorSpec((8,), tf.int32),
        tf.TensorSpec((2,), tf.int32),
    ]
    operations = step.get_concrete_function(*signature).graph.get_operations()
    assert len(operations) > 100
    assert [
        len(operation.inputs) for operation in operations if "Add" in operation.type and len(operation.inputs) > 2
    ] == []


@pytest.mark.parametrize("network", [TINY, NORMALISED])
def test_the_twin_computes_what_the_stock_model_does(network: Any) -> None:
    import tensorflow as tf
    import tf_keras

    from train.build import build, dropout_seed

    tf_keras.utils.set_random_seed(0)
    stock, twin = (build(network, 3, name="test", twin=twin) for twin in (False, True))
    twin.set_weights(stock.get_weights())
    pictures, labels = batch()
    results = []
    for model in (stock, twin):
        with tf.GradientTape() as tape, dropout_seed(model, tf.constant((1, 2))):
            scores = model(tf.constant(pictures, tf.float32), training=False)
            loss = tf.reduce_mean(tf_keras.losses.sparse_categorical_crossentropy(labels, scores))
        results.append([scores.numpy(), *(value.numpy() for value in tape.gradient(loss, model.trainable_weights))])
    for mine, theirs in zip(*results, strict=True):
        assert np.abs(mine - theirs).max() <= (2e-5 * np.abs(theirs).max() if network is NORMALISED else 0)


def test_equals_keras_fit() -> None:
    import tf_keras

    from train.build import build

    network = with_dropout(TINY, 0.0)
    ours, _ = weights_after(network, Compute("cpu", "float32", 2, 3))
    tf_keras.utils.set_random_seed(0)
    model = build(network, 3, name="test")
    model.compile(tf_keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy")
    pictures, labels = batch()
    for _ in range(3):
        model.train_on_batch(pictures.astype(np.float32), labels)
    for mine, theirs in zip(ours, model.get_weights(), strict=True):
        assert np.abs(mine - theirs).max() < 1e-5


def test_dropout_is_a_function_of_the_seed() -> None:
    compute = Compute("cpu", "float32", 2, 2)
    first, _ = weights_after(TINY, compute, seed=5)
    again, _ = weights_after(TINY, compute, seed=5)
    other, _ = weights_after(TINY, compute, seed=6)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_dropout_layer_drops_its_rate_and_keeps_the_mean() -> None:
    import tensorflow as tf
    import tf_keras

    from train.build import dropout_seed
    from train.layers import SeededDropout

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((20000,)), SeededDropout(0.3)])
    with dropout_seed(model, tf.constant((1, 2))):
        values = model(tf.ones((1, 20000)), training=True).numpy()
    assert (values == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert values.mean() == pytest.approx(1, abs=0.03)
    assert np.array_equal(model(tf.ones((1, 20000)), training=False).numpy(), np.ones((1, 20000)))


@pytest.mark.parametrize(("precision", "comparable"), [("mixed_bfloat16", 3), ("mixed_float16", 1)])
def test_mixed_precision_learns_the_same_within_its_rounding(precision: str, comparable: int) -> None:
    """Dynamic loss scaling skips float16 steps until its scale fits, so that only the first loss can be compared."""
    network = with_dropout(TINY, 0.0)
    exact, losses = weights_after(network, Compute("cpu", "float32", 2, 2))
    mixed, rounded = weights_after(network, Compute("cpu", precision, 2, 2))
    assert rounded[:comparable] == pytest.approx(losses[:comparable], rel=0.05)
    assert all(weights.dtype == np.float32 and np.isfinite(weights).all() for weights in mixed)
    assert any(not np.array_equal(a, b) for a, b in zip(exact, mixed, strict=True))
