"""A tiny run against a plain loop: order of the epochs, dropout, momentum, schedule, and the epoch that is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.test_config import make_config
from train import registry
from train.config import Compute, Recipe
from train.data import Part
from train.networks import Conv, Dropout, Flatten, Pool, Softmax
from train.registry import Network

pytestmark = pytest.mark.slow

NETWORK = (Conv(2, 3, 16), Pool(), Flatten(), Dropout(0.5), Softmax())
SEED, EPOCHS, BATCH = 3, 5, 4
RECIPE = Recipe(
    epochs=EPOCHS, batch_size=BATCH, learning_rate=0.02, plateau_delta=0.02, plateau_factor=0.3, min_learning_rate=0.01
)


def part(n: int, seed: int) -> Part:
    """Return n pictures, a class more often bright than another; every third has a second window."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n).astype(np.int32)
    clips = np.repeat(np.arange(n), np.where(np.arange(n) % 3 == 0, 2, 1))
    levels = 60 + 40 * labels[clips][:, None, None, None]
    pictures = np.clip(rng.normal(levels, 90, (len(clips), 288, 432, 3)), 0, 255).astype(np.uint8)
    return Part(tuple(map(str, range(n))), pictures, labels, clips, ())


TRAINING, VALIDATION = part(10, 8), part(9, 108)


def plain_loop() -> tuple[list[list[np.ndarray]], list[dict[str, float]]]:
    """Return the weights after each epoch and the history, by a loop that shares no line with `train`."""
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(SEED)
    model = tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((288, 432, 3)),
            tf_keras.layers.Rescaling(1 / 255),
            tf_keras.layers.Conv2D(2, 3, 16, activation="relu"),
            tf_keras.layers.MaxPool2D(3, 2),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(3, activation="softmax"),
        ]
    )
    body, head = tf_keras.Model(model.input, model.layers[-2].output), model.layers[-1]
    velocity = [np.zeros(weight.shape, np.float32) for weight in model.get_weights()]
    pictures, labels = TRAINING.values.astype(np.float32), [TRAINING.clip_labels[clip] for clip in TRAINING.clips]
    steps = -(-len(pictures) // BATCH)
    rate, lowest, weights, history = RECIPE.learning_rate, np.inf, [], []
    for epoch in range(EPOCHS):
        order = np.random.default_rng((SEED, epoch)).permutation(len(pictures))
        for step in range(steps):
            batch = order[step * BATCH : (step + 1) * BATCH]
            with tf.GradientTape() as tape:
                features = body(pictures[batch])
                seed = np.array((SEED, epoch * steps + step), np.int32)
                for number in (0, 0):  # the shard, the layer
                    seed = tf.random.experimental.stateless_fold_in(seed, number)
                mask = tf.random.stateless_uniform(features.shape, seed) >= 0.5
                scores = head(tf.where(mask, features / 0.5, 0))
                picked = tf.gather(scores, np.array(labels)[batch], batch_dims=1)
                loss = tf.reduce_mean(-tf.math.log(picked))
            gradients = [gradient.numpy() for gradient in tape.gradient(loss, model.trainable_weights)]
            velocity = [0.9 * v - np.float32(rate) * g for v, g in zip(velocity, gradients, strict=True)]
            model.set_weights([w + v for w, v in zip(model.get_weights(), velocity, strict=True)])
        scores = model.predict(VALIDATION.values.astype(np.float32), verbose=0)
        by_clip = [np.flatnonzero(VALIDATION.clips == clip) for clip in range(len(VALIDATION.names))]
        losses = [
            np.mean(-np.log(scores[windows, label]))
            for windows, label in zip(by_clip, VALIDATION.clip_labels, strict=True)
        ]
        right = [
            scores[windows].mean(0).argmax() == label
            for windows, label in zip(by_clip, VALIDATION.clip_labels, strict=True)
        ]
        history.append({"val_loss": np.mean(losses), "val_accuracy": np.mean(right), "learning_rate": rate})
        weights.append(model.get_weights())
        if np.mean(losses) < lowest - RECIPE.plateau_delta:
            lowest = np.mean(losses)
        else:
            rate = max(rate * RECIPE.plateau_factor, RECIPE.min_learning_rate)
    return weights, history


def test_a_run_is_what_a_plain_loop_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from train.fit import fit

    monkeypatch.setitem(registry.NETWORKS, "tiny", Network("tiny", NETWORK))
    config = make_config(
        model="tiny", classes=("a", "b", "c"), seed=SEED, recipe=RECIPE, compute=Compute("cpu", "float32", 2, 1)
    )
    weights, expected = plain_loop()
    rates = [entry["learning_rate"] for entry in expected]
    best = max(range(EPOCHS), key=lambda n: (expected[n]["val_accuracy"], -expected[n]["val_loss"]))
    assert rates[0] == 0.02 and rates[-1] == 0.01, "the rate reaches its floor, which 0.02 * 0.3 is below"
    assert 0 < best < EPOCHS - 1, "the best epoch is neither the first nor the last"

    def nothing(_: Any) -> None:
        return None

    for keep, epoch in (("last", EPOCHS - 1), ("best", best)):
        (tmp_path / keep).mkdir()
        chosen = replace(config, recipe=replace(RECIPE, keep=keep))
        model, history = fit(chosen, TRAINING, VALIDATION, tmp_path / keep, nothing)
        for name in ("val_loss", "val_accuracy", "learning_rate"):
            assert [e[name] for e in history] == pytest.approx([e[name] for e in expected], rel=1e-4), name
        for mine, theirs in zip(model.get_weights(), weights[epoch], strict=True):
            np.testing.assert_allclose(mine, theirs, atol=2e-6)
