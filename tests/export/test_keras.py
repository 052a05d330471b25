"""The function that converters trace computes what Keras does, with sums short enough for float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.keras import forward, standardises
from export.onnx.convert import to_onnx

pytestmark = pytest.mark.slow


def standardising() -> Any:
    """Return a model that standardises 280,000 values far from zero, where a long float32 sum loses digits."""
    import tf_keras

    options: Any = {"axis": (1, 2, 3), "center": False, "scale": False, "epsilon": 1e-12}
    return tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((200, 200, 7)),
            tf_keras.layers.LayerNormalization(**options),
            tf_keras.layers.AveragePooling2D(100),
            tf_keras.layers.Flatten(),
        ]
    )


def test_it_is_what_keras_computes_in_more_digits() -> None:
    import onnxruntime

    values = np.random.default_rng(0).uniform(900, 1000, (1, 200, 200, 7)).astype(np.float32)
    exact = values.astype(np.float64)
    expected = (exact - exact.mean()) / exact.std()
    expected = expected.reshape(2, 100, 2, 100, 7).mean(axis=(1, 3)).reshape(-1)
    model = standardising()
    assert standardises(model.layers[0])
    session = onnxruntime.InferenceSession(to_onnx(model), providers=["CPUExecutionProvider"])
    for means in (forward(model, values).numpy(), session.run(None, {"picture": values})[0]):
        assert np.abs(means[0] - expected).max() < 5e-6


def test_no_mean_is_over_several_axes_at_once() -> None:
    import onnx

    nodes = onnx.load_from_string(to_onnx(standardising())).graph.node
    axes = [list(attribute.ints) for node in nodes for attribute in node.attribute if attribute.name == "axes"]
    assert len(axes) == 6 and all(len(each) == 1 for each in axes)


def test_other_normalisation_is_left_to_its_layer() -> None:
    import tf_keras

    layer = tf_keras.layers.LayerNormalization(axis=-1)
    layer.build((None, 4, 5, 6))
    assert not standardises(layer)
    model = tf_keras.Sequential([tf_keras.layers.InputLayer((4, 5, 6)), layer])
    values = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype(np.float32)
    np.testing.assert_array_equal(forward(model, values).numpy(), model(values).numpy())
