"""Steps of the modern recipe against the same steps written out in NumPy, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train.config import Compute, Recipe
from train.schedule import Plateau, learning_rate

pytestmark = pytest.mark.slow

RECIPE = Recipe(
    optimizer="adamw", learning_rate=0.02, weight_decay=0.5, schedule="cosine", warmup=0.4, label_smoothing=0.1
)
STEPS, ITEMS, CLASSES, SPAN = 5, 6, 3, 2.5


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.normal(size=(ITEMS, 2, 2, 1)), np.arange(ITEMS) % CLASSES


def model(name: str, *, normalised: bool = False) -> Any:
    import tf_keras

    layers = [tf_keras.layers.InputLayer((2, 2, 1)), tf_keras.layers.Flatten()]
    layers += [tf_keras.layers.BatchNormalization()] * normalised
    layers += [tf_keras.layers.Dense(CLASSES), tf_keras.layers.Activation("softmax")]
    return tf_keras.Sequential(layers, name=name)


def trained(
    shards: int, start: list[np.ndarray], *, steps: int = STEPS, normalised: bool = False
) -> tuple[Any, Any, list[float]]:
    """Return the model and its averages after steps, and the steps' losses."""
    import tensorflow as tf

    from toolkit.frontend.spec import PICTURE
    from train.augment.examples import Examples
    from train.step import Averages, make_optimizer, make_train_step

    network, averaged = (model(name, normalised=normalised) for name in ("trained", "averaged"))
    for each in (network, averaged):
        each.set_weights(start)
    optimizer = make_optimizer(RECIPE, "float32", network.trainable_variables)
    options: dict[str, Any] = {"prepare": Examples.of(RECIPE, PICTURE, CLASSES), "averages": Averages(averaged, SPAN)}
    step = make_train_step(network, optimizer, Compute("cpu", "float32", 2, shards), **options)
    values, labels = batch()
    losses = []
    for number in range(steps):
        optimizer.learning_rate = learning_rate(RECIPE, Plateau(1.0), number, STEPS)
        tensors = tf.constant(values, tf.float32), tf.constant(labels, tf.int32)
        losses.append(float(step(*tensors, np.array((1, number), np.int32))[0]))
    return network, averaged, losses


@pytest.mark.parametrize("shards", [1, 3])
def test_adamw_with_warm_up_cosine_smoothing_and_averages_is_what_numpy_computes(shards: int) -> None:
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=(4, CLASSES)), rng.normal(size=CLASSES)]
    start = [value.astype(np.float32) for value in weights]
    values, labels = batch()
    inputs, truth = values.reshape(ITEMS, 4), 0.9 * np.eye(CLASSES)[labels] + 0.1 / CLASSES
    means, squares = ([np.zeros_like(value) for value in weights] for _ in range(2))
    averages, losses = [value.copy() for value in weights], []
    rates = [0.01, 0.02, 0.02]  # two steps of warm-up, then a cosine over three to 1e-5
    rates += [1e-5 + (0.02 - 1e-5) * (1 + np.cos(np.pi * share)) / 2 for share in (1 / 3, 2 / 3)]
    for number, rate in enumerate(rates, 1):
        logits = inputs @ weights[0] + weights[1]
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        losses.append(-(truth * np.log(scores)).sum(1).mean())
        error = (scores - truth) / ITEMS
        weights[0] = weights[0] - rate * 0.5 * weights[0]  # the kernel alone decays
        for place, gradient in enumerate((inputs.T @ error, error.sum(0))):
            means[place] = 0.9 * means[place] + 0.1 * gradient
            squares[place] = 0.999 * squares[place] + 0.001 * gradient**2
            size = rate * np.sqrt(1 - 0.999**number) / (1 - 0.9**number)
            weights[place] = weights[place] - size * means[place] / (np.sqrt(squares[place]) + 1e-7)
        kept = min(1 - 1 / SPAN, (1 + number) / (10 + number))
        averages = [kept * old + (1 - kept) * new for old, new in zip(averages, weights, strict=True)]
    network, averaged, measured = trained(shards, start)
    assert measured == pytest.approx(losses, rel=1e-5)
    for mine, theirs in zip([*network.get_weights(), *averaged.get_weights()], [*weights, *averages], strict=True):
        assert np.allclose(mine, theirs, rtol=2e-4, atol=2e-5)


def test_statistics_of_batch_normalisation_are_averaged_too_and_its_scale_does_not_decay() -> None:
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    start = [ones, zeros, zeros, ones, np.zeros((4, CLASSES), np.float32), np.zeros(CLASSES, np.float32)]
    network, averaged, _ = trained(1, start, steps=1, normalised=True)
    moved, average = network.get_weights(), averaged.get_weights()
    assert np.array_equal(moved[0], ones)  # a kernel of zeros: nothing but decay would move it
    assert (moved[2] != 0).all() and np.allclose(average[2], (1 - 2 / 11) * moved[2])
    assert np.allclose(1 - average[3], (1 - 2 / 11) * (1 - moved[3]), atol=1e-6)


def test_evaluation_is_never_augmented() -> None:
    import tensorflow as tf

    from train.step import make_predict_step

    network = model("plain")
    values, labels = batch()
    scores, losses = make_predict_step(network, Compute())(tf.constant(values, tf.float32), tf.constant(labels))
    assert np.allclose(scores, network.predict(values, verbose=0), atol=1e-6)
    assert np.allclose(losses, -np.log(scores.numpy()[np.arange(ITEMS), labels]), atol=1e-5)
