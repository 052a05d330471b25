"""YAMNet's published Keras weights: a file of that layout is read, and another one is refused.

The file here has the layout of the published code (tensorflow/models, research/audioset/yamnet/yamnet.py), and
weights drawn at random.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tf_keras

from toolkit.errors import DatasetError
from train.backbones.backbone import BACKBONES
from train.backbones.keras_file import is_hdf5, read_layers
from train.backbones.yamnet import BLOCKS, EPSILON, build, tagger

SHAPE = (64, 96, 1)
YAMNET = next(backbone for backbone in BACKBONES if backbone.name == "yamnet")


def published(model: tf_keras.Model) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Return the layers of the published network that computes what `model` does, with their weights by name."""
    rng = np.random.default_rng(0)
    names = [
        "layer1/conv",
        *(f"layer{n + 2}/{kind}_conv" for n in range(len(BLOCKS)) for kind in ("depthwise", "pointwise")),
    ]
    *convolutions, dense = [layer for layer in model.layers if layer.weights]
    layers: dict[str, list[tuple[str, np.ndarray]]] = {}
    for name, layer in zip(names, convolutions, strict=True):
        kernel, bias = layer.get_weights()
        kernel = kernel.transpose(1, 0, 2, 3)  # frames before bands
        mean, variance = rng.normal(size=bias.shape), rng.uniform(0.5, 2, bias.shape)
        deviation = np.sqrt(variance + EPSILON)
        is_depthwise = "depthwise" in name
        kernel = kernel * (deviation[:, np.newaxis] if is_depthwise else deviation)
        layers[name] = [("depthwise_kernel" if is_depthwise else "kernel", kernel)]
        normal = {"beta": bias + mean / deviation, "moving_mean": mean, "moving_variance": variance}
        layers[f"{name}/bn"] = list(normal.items())
    kernel, bias = dense.get_weights()
    layers["dense"] = [("kernel", kernel), ("bias", bias)]
    return layers


def write(path: Path, layers: dict[str, list[tuple[str, np.ndarray]]]) -> Path:
    """Write weights as `Model.save_weights` does."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, weights in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{name}:0".encode() for name, _ in weights]
            for name, values in weights:
                group[f"{layer}/{name}:0"] = values.astype(np.float32)
    return path


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(3)
    model = tagger(SHAPE)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, np.random.default_rng(1).normal(0, 0.1, bias.shape)])
    return model


@pytest.mark.slow
def test_the_network_computes_what_the_files_does(model: tf_keras.Model, tmp_path: Path) -> None:
    path = write(tmp_path / "yamnet.h5", published(model))
    grids = np.random.default_rng(2).normal(size=(2, *SHAPE)).astype(np.float32)
    expected = model(grids).numpy()
    other = tagger(SHAPE)
    assert np.abs(other(grids).numpy() - expected).max() > 1e-2
    YAMNET.load(other, path)
    np.testing.assert_allclose(other(grids).numpy(), expected, atol=1e-5)
    headed = build(SHAPE, 4)
    head = headed.get_layer("head").get_weights()[0]
    YAMNET.load(headed, path)
    np.testing.assert_array_equal(headed.get_layer("head").get_weights()[0], head)


@pytest.mark.slow
def test_another_networks_file_is_refused(model: tf_keras.Model, tmp_path: Path) -> None:
    layers = published(model)
    fewer = write(tmp_path / "fewer.h5", {name: layers[name] for name in list(layers)[1:]})
    with pytest.raises(DatasetError, match="not YAMNet's weights: the layers of the file are others"):
        YAMNET.load(model, fewer)
    narrow = layers | {"layer3/pointwise_conv": [("kernel", np.zeros((1, 1, 64, 8)))]}
    with pytest.raises(DatasetError, match="not YAMNet's weights: CONV_2D-2 has another shape"):
        YAMNET.load(model, write(tmp_path / "narrow.h5", narrow))


def test_a_file_that_is_damaged_or_has_no_weights_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "one.h5", {"layer1/conv": [("kernel", np.ones((3, 3, 1, 2)))]})
    assert is_hdf5(path) and not is_hdf5(tmp_path / "none.h5")
    assert list(read_layers(path)) == ["layer1/conv/kernel"]
    (tmp_path / "cut.h5").write_bytes(path.read_bytes()[:900])
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["a"] = np.zeros(3)
    for name in ("cut.h5", "empty.h5"):
        with pytest.raises(DatasetError, match=f"{name}: not a whole file of Keras weights"):
            read_layers(tmp_path / name)
