"""Models that a function builds: edgenet, and what is refused of anybody's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.test_config import make_config
from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from train.config import Compute, Recipe
from train.data import Part
from train.recipes import RECIPES
from train.registry import NETWORKS

pytestmark = pytest.mark.slow

SHAPE = (8, 12, 1)
SPEC = replace(PRESETS["log-mel"], n_mels=16, window_seconds=0.3)


def model_of(*layers: Any, inputs: Any = None, **options: Any) -> Any:
    """Return the built model of a table of tf_keras layers, from `SHAPE` to three classes."""
    import tf_keras

    from train.built import built_model

    def build(shape: Any, classes: int) -> Any:
        return tf_keras.Sequential([tf_keras.layers.Input(inputs or shape), *layers])

    return built_model("own", build, SHAPE, 3, **options)


@pytest.mark.parametrize("shape", [(64, 313, 1), (128, 334, 1), (40, 7, 1), (1, 1, 1)])
def test_edgenet_fits_any_grid_and_stays_small(shape: tuple[int, int, int]) -> None:
    from train.built import built_model
    from train.edgenet import build

    model = built_model("edgenet", build, shape, 50)
    assert model.output_shape == (None, 50) and model.count_params() < 200_000
    scores = model(np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)).numpy()
    assert scores.sum(1) == pytest.approx(1, abs=1e-5)


def test_the_twin_is_the_model_but_for_its_masks() -> None:
    import tensorflow as tf

    from train.build import dropout_seed
    from train.built import built_model
    from train.edgenet import build

    stock, twin = (built_model("edgenet", build, SHAPE, 3, 0.5, twin=twin) for twin in (False, True))
    twin.set_weights(stock.get_weights())
    values = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    assert np.array_equal(stock(values).numpy(), twin(values).numpy())
    assert [layer.name for layer in stock.layers] == [layer.name for layer in twin.layers]
    assert (stock.get_layer("dropout").rate, twin.get_layer("dropout").rate) == (0.5, 0.5)
    masked = []
    for seed in (1, 1, 2):
        with dropout_seed(twin, tf.constant((seed, 0))):
            masked.append(twin(values, training=True).numpy())
    assert np.array_equal(masked[0], masked[1]) and not np.array_equal(masked[0], masked[2])


def test_layers_without_names_are_called_the_same_in_every_process() -> None:
    """A resumed run builds fewer models in its process; the saved file holds the names."""
    import tf_keras

    from train.built import built_model

    def build(shape: Any, classes: int) -> Any:
        layers = tf_keras.layers
        return tf_keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(classes)])

    first, second = ([layer.name for layer in built_model("own", build, SHAPE, 3).layers] for _ in range(2))
    assert first == second == ["flatten", "dense"]


def test_a_function_may_bring_weights_of_its_own() -> None:
    import tf_keras

    from train.built import built_model

    def build(shape: Any, classes: int) -> Any:
        layers = tf_keras.layers
        model = tf_keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(classes)])
        model.set_weights([np.full(weights.shape, 7.0) for weights in model.get_weights()])
        return model

    for twin in (False, True):
        assert all((weights == 7).all() for weights in built_model("own", build, SHAPE, 3, twin=twin).get_weights())


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (lambda k: [k.Flatten(), k.Dense(4)], r"goes from \(None, 8, 12, 1\) to \(None, 4\), not from .*\(None, 3\)"),
        (lambda k: [k.Dense(3)], r"to \(None, 8, 12, 3\)"),
        (lambda k: [k.GaussianNoise(1), k.Flatten(), k.Dense(3)], r"layer gaussian_noise \(GaussianNoise\) cannot"),
        (lambda k: [k.SpatialDropout2D(0.5), k.Flatten(), k.Dense(3)], r"layer spatial_dropout2d"),
        (lambda k: [type("Own", (k.Flatten,), {})(), k.Dense(3)], r"\(Own\) cannot be repeated"),
        (lambda k: [k.Conv2D(3, 20), k.Flatten(), k.Dense(3)], r"cannot be built for an input of \(8, 12, 1\): "),
    ],
)
def test_a_model_that_could_not_be_trained_or_exported_is_refused(
    layers: Callable[[Any], list[Any]], words: str
) -> None:
    import tf_keras

    with pytest.raises(UsageError, match=f"network own: .*{words}"):
        model_of(*layers(tf_keras.layers))


def test_what_is_no_model_of_tf_keras_is_refused() -> None:
    import tf_keras

    from train.built import built_model

    with pytest.raises(UsageError, match="its function returns builtins, not a tf_keras.Model"):
        built_model("own", lambda *_: 5, SHAPE, 3)
    inner = tf_keras.Sequential([tf_keras.layers.Input(SHAPE), tf_keras.layers.Flatten()], name="inner")
    with pytest.raises(UsageError, match=r"layer inner \(Sequential\)"):
        model_of(inner, tf_keras.layers.Dense(3))
    with pytest.raises(UsageError, match="--dropout: own has no dropout layer"):
        model_of(tf_keras.layers.Flatten(), tf_keras.layers.Dense(3), dropout=0.5)


def test_a_summary_counts_what_an_input_costs() -> None:
    import tf_keras

    from train.built import built_summary

    layers = tf_keras.layers
    text = built_summary(model_of(layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)))
    assert text.splitlines()[-1].split() == ["total", f"{20 + 120 * 3 + 3}", f"{6 * 10 * 9 * 2 + 120 * 3:,}"]


def test_no_sum_of_edgenet_depends_on_which_thread_is_faster() -> None:
    import tensorflow as tf

    from train.built import built_model
    from train.edgenet import build
    from train.step import make_optimizer, make_train_step

    model = built_model("edgenet", build, (16, 20, 1), 3, twin=True)
    optimizer = make_optimizer(Recipe(), "float32", model.trainable_variables)
    step: Any = make_train_step(model, optimizer, Compute("cpu", "float32", 2, 1))
    types = [tf.TensorSpec((8, 16, 20, 1)), tf.TensorSpec((8,), tf.int32), tf.TensorSpec((2,), tf.int32)]
    operations = step.get_concrete_function(*types).graph.get_operations()
    assert [op.name for op in operations if "Add" in op.type and len(op.inputs) > 2] == []


@pytest.mark.parametrize("name", ["paper", "modern"])
def test_edgenet_learns_and_repeats_and_goes_on_bit_by_bit(tmp_path: Path, name: str) -> None:
    """The moving statistics of its batch normalisation are in the checkpoint, and in the model that is kept."""
    from train.feed import make_feed
    from train.fit import fit, predict_all
    from train.step import make_predict_step

    rng = np.random.default_rng(0)
    labels = np.arange(24, dtype=np.int32) % 2
    values = rng.normal(size=(24, *SPEC.shape)).astype(np.float32) * 20
    values[labels == 1, 8:] += 30
    part = Part(tuple(map(str, range(24))), values, labels, np.arange(24), ())
    recipe = replace(RECIPES[name], epochs=4, batch_size=8, keep="last")
    config = make_config(
        model="edgenet", front_end=SPEC.to_dict(), recipe=recipe, compute=Compute("cpu", "float32", 2, 1)
    )

    class Stop(Exception):
        pass

    def stop(state: Any) -> None:
        if state.epoch == 3 and state.finished is None:
            raise Stop

    for folder in ("whole", "broken"):
        (tmp_path / folder).mkdir()
    model, history = fit(config, part, part, tmp_path / "whole", lambda _: None)
    with pytest.raises(Stop):
        fit(config, part, part, tmp_path / "broken", stop)
    again, _ = fit(config, part, part, tmp_path / "broken", lambda _: None)
    for mine, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)
    assert history[-1]["loss"] < history[0]["loss"]
    if name == "modern":  # its averages need more than a dozen steps
        return
    assert history[-1]["val_accuracy"] == 1
    scores, _ = predict_all(make_predict_step(model, config.compute), make_feed(part, "cpu"), 24)
    assert np.mean(scores.argmax(1) == labels) == history[-1]["val_accuracy"]
    moving = model.get_layer("norm0").get_weights()
    assert abs(moving[0][0]) > 1 and moving[1][0] > 10, "the statistics of the input, not those it began with"


def test_edgenet_is_among_the_networks() -> None:
    assert NETWORKS["edgenet"].table is None and (NETWORKS["edgenet"].front_end, NETWORKS["edgenet"].recipe) == (
        "log-mel",
        "modern",
    )


def test_a_distributed_twin_shares_its_statistics() -> None:
    import tf_keras
    from tf_keras import layers

    from train.built import built_model
    from train.layers import SharedBatchNormalization

    def make(*inner: Any) -> Any:
        head = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
        return lambda shape, classes: tf_keras.Sequential([layers.Input(shape), *inner, *head])

    build = make(layers.Normalization(mean=0.5, variance=2.0), layers.BatchNormalization(momentum=0.5))
    plain, shared = (built_model("mine", build, (8, 8, 1), 3, twin=True, shared=each) for each in (False, True))
    kinds = [type(layer) for layer in shared.layers]
    assert SharedBatchNormalization in kinds and SharedBatchNormalization not in map(type, plain.layers)
    assert [weight.shape for weight in shared.weights] == [weight.shape for weight in plain.weights]
