"""mn04 in Keras computes what the authors' own code computes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from toolkit.errors import DatasetError
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from train.backbones.mn04 import BLOCKS, channels, features_model, load, tagger, torch_name
from train.backbones.torch_file import read_tensors

pytestmark = pytest.mark.slow

SPEC = replace(PRESETS["efficientat"], window_seconds=10.0)
SECONDS = np.arange(320_000) / 32_000
SOUNDS = {
    "tone": 0.3 * np.sin(2 * np.pi * 440 * SECONDS),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(320_000),
    "chirp": 0.3 * np.sin(2 * np.pi * (100 * SECONDS + 300 * SECONDS**2)),
    "silence": np.zeros(320_000),
}


@pytest.fixture(scope="module")
def tensors(backbones: Path) -> dict[str, np.ndarray]:
    return read_tensors(backbones / "mn04_as_mAP_432.pt")


@pytest.fixture(scope="module")
def models(tensors: dict[str, np.ndarray]) -> dict[str, tf_keras.Model]:
    models = {"features": features_model(SPEC.shape), "tags": tagger(SPEC.shape)}
    for model in models.values():
        load(model, tensors)
    return models


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_the_authors_network(backbones: Path, models: dict[str, tf_keras.Model], name: str) -> None:
    with np.load(backbones / "mn04_reference.npz") as reference:
        logits, expected = reference[f"{name}_logits"].astype(np.float64), reference[f"{name}_features"]
    grid = features(SOUNDS[name].astype(np.float32), SPEC)[np.newaxis]
    np.testing.assert_allclose(models["features"](grid)[0], expected, atol=2e-5)
    np.testing.assert_allclose(models["tags"](grid)[0], 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_every_tensor_of_the_file_is_used(models: dict[str, tf_keras.Model], tensors: dict[str, np.ndarray]) -> None:
    names = {torch_name(layer.name) for layer in models["tags"].layers if layer.weights}
    unused = {name for name in tensors if name.rpartition(".")[0] not in names}
    assert not unused
    assert models["tags"].count_params() == sum(
        tensor.size for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")
    )


def test_shapes_are_those_in_the_table() -> None:
    model = features_model((128, 500, 1))
    shapes = {layer.name: layer.output_shape[1:] for layer in model.layers}
    assert shapes["stem"] == (64, 250, 8)
    assert shapes["block2_project"] == (32, 125, 16)
    assert shapes["block4_project"] == (16, 63, 16)
    assert shapes["block7_project"] == (8, 32, 32)
    assert shapes["block11_project"] == (8, 32, 48)
    assert shapes["block13_project"] == (4, 16, 64)
    assert model.output_shape == (None, 384)
    assert len(BLOCKS) == 15


@pytest.mark.parametrize(("count", "expected"), [(6.4, 8), (25.6, 24), (28.8, 32), (12, 16), (73.6, 72), (64, 64)])
def test_channels_are_multiples_of_eight(count: float, expected: int) -> None:
    assert channels(count) == expected


def test_another_networks_weights_are_refused(tensors: dict[str, np.ndarray]) -> None:
    model = features_model((128, 500, 1))
    with pytest.raises(DatasetError, match=r"not mn04's weights: features\.0\.0\.weight is not among them"):
        load(model, {"conv.weight": np.zeros((8, 1, 3, 3), np.float32)})
    with pytest.raises(DatasetError, match=r"features\.5\.block\.1\.0 has another shape"):
        load(model, tensors | {"features.5.block.1.0.weight": np.zeros((48, 1, 3, 3), np.float32)})


def test_built_in_layers_alone_so_that_export_loads_it(tmp_path: Path, models: dict[str, tf_keras.Model]) -> None:
    model = models["features"]
    model.save(tmp_path / "m.keras")
    again = tf_keras.models.load_model(tmp_path / "m.keras", compile=False)
    grid = np.random.default_rng(0).normal(size=(1, *SPEC.shape)).astype(np.float32)
    np.testing.assert_allclose(again(grid), model(grid), atol=1e-6)
