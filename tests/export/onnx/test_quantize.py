"""ONNX files with smaller weights: near the float32 model, the same every time, and right on every processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.onnx.convert import to_onnx
from export.onnx.quantize import float_ops, quantise
from export.weighted import SMALLEST
from tests.run_maker import network
from toolkit.errors import ArtifactError

pytestmark = pytest.mark.slow

PICTURES = np.random.default_rng(4).integers(0, 256, (6, 288, 432, 3), np.uint8)
PRECISIONS = ("float16", "dynamic", "int8")


def scores(model: bytes) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, {"picture": picture[None].astype(np.float32)})[0][0] for picture in PICTURES])


def initializers(model: bytes) -> dict[str, Any]:
    import onnx

    read = onnx.load_from_string(model)
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in read.graph.initializer}


@pytest.fixture(scope="module", params=["gtzanet", "zfnet"])
def exact(request: pytest.FixtureRequest) -> bytes:
    """Return the float32 ONNX model of an untrained network."""
    return to_onnx(network(request.param, 4))


@pytest.mark.parametrize(
    ("precision", "off", "share"), [("float16", 1e-3, 0.52), ("dynamic", 0.03, 0.3), ("int8", 0.05, 0.3)]
)
def test_it_is_near_float32_and_smaller(exact: bytes, precision: str, off: float, share: float) -> None:
    quantised = quantise(exact, precision, PICTURES)
    assert 0 < np.abs(scores(quantised) - scores(exact)).max() < off
    assert len(quantised) < share * len(exact)
    assert quantise(exact, precision, PICTURES) == quantised


@pytest.mark.parametrize("precision", PRECISIONS)
def test_it_carries_no_notes_of_the_tools(exact: bytes, precision: str) -> None:
    import onnx

    read = onnx.load_from_string(quantise(exact, precision, PICTURES))
    assert not read.metadata_props and {opset.domain for opset in read.opset_import} <= {"", "ai.onnx.ml"}
    (source,), (target,) = read.graph.input, read.graph.output
    assert (source.name, target.name) == ("picture", "probability")
    assert source.type.tensor_type.elem_type == target.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_float16_rounds_weights_and_no_biases(exact: bytes) -> None:
    before, after = initializers(exact), initializers(quantise(exact, "float16"))
    large = {name for name, values in before.items() if values.dtype == np.float32 and values.size >= SMALLEST}
    assert len(large) >= 4
    for name, values in before.items():
        stored = after[f"{name}_float16"] if name in large else after[name]
        np.testing.assert_array_equal(stored, values.astype(np.float16) if name in large else values)
        assert stored.dtype == (np.float16 if name in large else values.dtype)


def test_weights_are_of_a_kind_that_no_processor_saturates(exact: bytes) -> None:
    """Two products of unsigned 8-bit and signed 7-bit numbers fit into 16 bits, those of signed 8-bit ones do not."""
    static = initializers(quantise(exact, "int8", PICTURES))
    kernels = {name: values for name, values in static.items() if values.dtype == np.int8 and values.size >= SMALLEST}
    assert kernels and all(np.abs(values.astype(int)).max() <= 64 for values in kernels.values())
    dynamic = initializers(quantise(exact, "dynamic"))
    assert {values.dtype for values in dynamic.values() if values.size >= SMALLEST and values.dtype.kind in "iu"} == {
        np.dtype(np.uint8)
    }


def test_the_largest_sums_come_out_right() -> None:
    """All inputs and all weights at their largest: where two products are added in 16 bits, this is off by a third."""
    import tf_keras

    model = tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((288, 432, 3)),
            tf_keras.layers.Conv2D(32, 3, 3, kernel_initializer="ones", activation="relu"),
            tf_keras.layers.Conv2D(32, 3, 3, kernel_initializer="ones", activation="relu"),
            tf_keras.layers.GlobalAveragePooling2D(),
        ]
    )
    exact = to_onnx(model)
    white = np.full((1, 288, 432, 3), 255, np.uint8)
    import onnxruntime

    for precision in ("dynamic", "int8"):
        quantised = quantise(exact, precision, white)
        float32_values, quantised_values = (
            onnxruntime.InferenceSession(value, providers=["CPUExecutionProvider"]).run(
                None, {"picture": white.astype(np.float32)}
            )[0]
            for value in (exact, quantised)
        )
        np.testing.assert_allclose(quantised_values, float32_values, rtol=0.02)


def test_the_operators_that_stay_float_are_named(exact: bytes) -> None:
    names = float_ops(quantise(exact, "int8", PICTURES))
    assert "Softmax" in names and not {"Conv", "Gemm", "MatMul", "QuantizeLinear"} & set(names)


def test_a_weight_that_float16_cannot_hold_is_refused() -> None:
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((40, 40, 3)), tf_keras.layers.Conv2D(64, 3)])
    kernel, bias = model.layers[0].get_weights()
    kernel[0, 0, 0, 0] = 1e5
    model.layers[0].set_weights([kernel, bias])
    with pytest.raises(ArtifactError, match="larger than float16 holds"):
        quantise(to_onnx(model), "float16")


def test_what_is_no_model_is_refused() -> None:
    for precision in PRECISIONS:
        with pytest.raises(ArtifactError, match="cannot quantise the model"):
            quantise(b"\x08\x08nothing", precision, PICTURES)
