"""YAMNet in Keras gives the scores that its published file gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from toolkit.audio.decode import load as load_sound
from toolkit.errors import DatasetError
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from train.backbones.tflite_file import read_operators
from train.backbones.weights import YAMNET, YAMNET_FIXED, identify
from train.backbones.yamnet import BLOCKS, build, load, tagger

pytestmark = pytest.mark.slow

SPEC = PRESETS["yamnet"]
STARTS = (3.0, 12.0, 24.0)
"""Seconds of a clip at which a window begins."""


@pytest.fixture(scope="module")
def tensors(backbones: Path) -> dict[str, np.ndarray]:
    return read_operators(backbones / "yamnet.tflite")


@pytest.fixture(scope="module")
def model(tensors: dict[str, np.ndarray]) -> tf_keras.Model:
    model = tagger(SPEC.shape)
    load(model, tensors)
    return model


class File:
    """The published file in LiteRT, with the values inside of it."""

    def __init__(self, path: Path) -> None:
        self._engine = Interpreter(str(path), experimental_preserve_all_tensors=True)
        self._engine.allocate_tensors()
        self._places = {tuple(detail["shape"]): detail["index"] for detail in self._engine.get_tensor_details()}

    def run(self, sound: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return its grid (bands, frames, 1) and its scores (521,) of 15,600 samples."""
        self._engine.set_tensor(self._engine.get_input_details()[0]["index"], sound)
        self._engine.invoke()
        grid = self._engine.get_tensor(self._places[1, 96, 64, 1])[0]
        return grid.transpose(1, 0, 2), self._engine.get_tensor(self._engine.get_output_details()[0]["index"])[0]


def windows(gtzan_root: Path) -> Iterator[NDArray[np.float32]]:
    """Yield windows of a clip of each genre."""
    for folder in sorted((gtzan_root / "genres_original").iterdir()):
        samples = load_sound(min(folder.iterdir()), SPEC.sample_rate)
        for start in STARTS:
            first = int(start * SPEC.sample_rate)
            yield samples[first : first + SPEC.window_samples]


@pytest.mark.gtzan
def test_it_scores_real_clips_as_the_file_does(backbones: Path, model: tf_keras.Model, gtzan_root: Path) -> None:
    """The file rounds its layers' inputs, and its spectrum before the logarithm, to 8 bits; this model rounds nothing.

    So the network alone is compared on the file's own grid, where it is nearer than with the front end.
    """
    file = File(backbones / "yamnet.tflite")
    rows = []
    for sound in windows(gtzan_root):
        grid, expected = file.run(sound)
        alone, whole = model(np.stack([grid, features(sound, SPEC)])).numpy()
        rows.append((np.abs(alone - expected).max(), np.abs(whole - expected).mean()))
        assert whole.argmax() == expected.argmax()
    largest, mean = np.array(rows).T
    assert len(rows) == 30
    assert largest.max() < 0.1 and largest.mean() < 0.02
    assert mean.mean() < 1e-3


def test_the_files_quantised_weights_are_multiplied_by_their_scales(
    backbones: Path, tensors: dict[str, np.ndarray]
) -> None:
    """LiteRT itself names the scales of what the file has as int8."""
    engine = Interpreter(str(backbones / "yamnet.tflite"))
    compared = 0
    for detail in engine.get_tensor_details():
        if tuple(detail["shape"]) not in ((1024, 1, 1, 1024), (521, 1024)):
            continue
        parameters = detail["quantization_parameters"]
        scales = parameters["scales"].reshape(-1, *[1] * (len(detail["shape"]) - 1))
        name = "CONV_2D-13" if len(detail["shape"]) == 4 else "FULLY_CONNECTED-1"
        np.testing.assert_array_equal(
            tensors[f"{name}.weights"], engine.get_tensor(detail["index"]).astype(np.float32) * scales
        )
        assert not parameters["zero_points"].any()
        compared += 1
    assert compared == 2


def test_every_operator_of_the_network_is_used(model: tf_keras.Model, tensors: dict[str, np.ndarray]) -> None:
    of_the_bands = {"FULLY_CONNECTED-0.weights", "FULLY_CONNECTED-0.bias"}
    assert model.count_params() == sum(values.size for name, values in tensors.items() if name not in of_the_bands)
    assert len(tensors) == 2 * (1 + 2 * len(BLOCKS) + 1) + len(of_the_bands)


def test_shapes_are_those_in_the_table() -> None:
    model = build((64, 96, 1), 10)
    shapes = {layer.name: layer.output_shape[1:] for layer in model.layers}
    assert shapes["stem"] == (32, 48, 32)
    assert shapes["block2_pointwise"] == (16, 24, 128)
    assert shapes["block6_depthwise"] == (4, 6, 256)
    assert shapes["block13_pointwise"] == (2, 3, 1024)
    assert shapes["features"] == (1024,)
    assert model.output_shape == (None, 10)


def test_another_networks_weights_are_refused(tensors: dict[str, np.ndarray]) -> None:
    model = build((64, 96, 1), 10)
    with pytest.raises(DatasetError, match=r"not YAMNet's weights: CONV_2D-0\.weights is not among them"):
        load(model, {"CONV_2D-1.weights": np.zeros((8, 3, 3, 1), np.float32)})
    with pytest.raises(DatasetError, match="DEPTHWISE_CONV_2D-4 has another shape"):
        load(model, tensors | {"DEPTHWISE_CONV_2D-4.weights": np.zeros((1, 3, 3, 8), np.float32)})


def test_the_file_is_the_pinned_one(backbones: Path) -> None:
    assert identify(backbones / "yamnet.tflite", (YAMNET, YAMNET_FIXED)) == YAMNET_FIXED
