"""How far off a layer must be to be named: three times what is normal for the precision, and than the layer before."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from export.verify import layer_errors
from export.verify.layer_errors import first_wrong_layer
from runtime.default_model import PRETRAINED

NAMES = ("conv0", "conv1", "conv2")
PICTURE = np.zeros((288, 432, 3), np.uint8)


def wrong_layer(monkeypatch: pytest.MonkeyPatch, precision: str, *values: float) -> str | None:
    """Return the layer that is named where Keras' values are 1 and -1 throughout, and the file's 1 + x and -9."""
    layers = [SimpleNamespace(name=name) for name in NAMES]
    keras = [np.tile(np.array([1, -1], np.float32), 4) for _ in NAMES]
    file = [np.tile(np.array([1 + value, -9]), 4) for value in values]
    monkeypatch.setattr(layer_errors, "weighted_layers", lambda model: layers)
    monkeypatch.setattr(layer_errors, "_keras_values", lambda *_: keras)
    monkeypatch.setattr(layer_errors, "_tflite_values", lambda *_: file)
    return first_wrong_layer(PRETRAINED, None, PICTURE, precision)


@pytest.mark.parametrize(
    ("precision", "limit"), [("float32", 3e-5), ("float16", 6e-3), ("int8", 0.15), ("dynamic", 0.15), ("mixed", 0.15)]
)
def test_a_layer_may_be_three_times_as_far_off_as_is_normal(
    monkeypatch: pytest.MonkeyPatch, precision: str, limit: float
) -> None:
    assert wrong_layer(monkeypatch, precision, 0, 0.98 * limit, 0) is None
    assert wrong_layer(monkeypatch, precision, 0, 1.02 * limit, 1) == "conv1"


def test_a_layer_may_be_three_times_as_far_off_as_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong_layer(monkeypatch, "int8", 0.1, 0.29, 0.86) is None
    assert wrong_layer(monkeypatch, "int8", 0.1, 0.31, 0.5) == "conv1"


def test_values_that_are_not_finite_are_the_farthest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong_layer(monkeypatch, "int8", 0, 0, float("nan")) == "conv2"


def test_a_file_with_other_layers_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong_layer(monkeypatch, "int8", 9, 9) is None
