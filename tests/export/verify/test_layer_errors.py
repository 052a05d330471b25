"""The first wrong layer is the first that is farther from Keras than is normal, and none where all are near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.verify import layer_errors
from export.verify.layer_errors import first_wrong_layer
from tests.run_maker import class_db
from toolkit.artifact.file import FORMATS
from toolkit.frontend.picture import paint

pytestmark = pytest.mark.slow

PICTURE = paint(class_db(1, np.random.default_rng(5)))
NAMES = ("conv0", "conv1", "conv2", "conv3", "conv4", "last")


@pytest.fixture(scope="module")
def model(run_folder: Path) -> Any:
    """Return the Keras model of the synthetic run."""
    import tf_keras

    return tf_keras.models.load_model(run_folder / "model.keras", compile=False)


@pytest.mark.parametrize("name", ["float32.tflite", "int16x8.tflite", "dynamic.tflite", "float32.onnx", "dynamic.onnx"])
def test_a_good_file_has_no_layer_to_blame(artifacts: Path, model: Any, name: str) -> None:
    assert first_wrong_layer(artifacts / f"gtzanet-{name}", model, PICTURE, name.split(".")[0]) is None


@pytest.mark.parametrize("name", ["float32.tflite", "float32.onnx", "int8.onnx", "mixed.onnx", "float16.tflite"])
@pytest.mark.parametrize("wrong", [0, 3, 5])
def test_the_first_wrong_layer_is_blamed(
    artifacts: Path, model: Any, monkeypatch: pytest.MonkeyPatch, name: str, wrong: int
) -> None:
    """Keras' values are replaced from a layer on."""
    real = layer_errors._keras_values
    other = lambda *arguments: [  # noqa: E731
        value if place < wrong else np.roll(value, 1, axis=-1) + 1 for place, value in enumerate(real(*arguments))
    ]
    monkeypatch.setattr(layer_errors, "_keras_values", other)
    precision = name.split(".")[0]
    assert first_wrong_layer(artifacts / f"gtzanet-{name}", model, PICTURE, precision) == NAMES[wrong]


@pytest.mark.parametrize("format", FORMATS)
def test_values_that_are_not_finite_are_wrong(
    artifacts: Path, model: Any, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    real = getattr(layer_errors, f"_{format}_values")

    def broken(*arguments: Any) -> Any:
        values = real(*arguments)
        values[1] = np.full_like(values[1], np.nan)
        return values

    monkeypatch.setattr(layer_errors, f"_{format}_values", broken)
    assert first_wrong_layer(artifacts / f"gtzanet-float32.{format}", model, PICTURE, "float32") == "conv1"


@pytest.mark.parametrize("format", FORMATS)
def test_a_diagnosis_that_fails_names_no_layer(
    artifacts: Path, model: Any, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    def fail(*arguments: Any) -> Any:
        raise RuntimeError("the engine is gone")

    monkeypatch.setattr(layer_errors, f"_{format}_values", fail)
    assert first_wrong_layer(artifacts / f"gtzanet-float32.{format}", model, PICTURE, "float32") is None
