"""Hard-swish in ONNX: its gate is one operator, and the heavy layers alone become int8."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from export.onnx import quantize as onnx_quantize
from export.onnx.convert import to_onnx
from export.onnx.quantize import quantise
from tests.export.hard_swish_models import INPUTS, hard_swish_model

pytestmark = pytest.mark.slow


def kinds(content: bytes) -> Counter[str]:
    import onnx

    return Counter(node.op_type for node in onnx.load_from_string(content).graph.node)


def values(content: bytes) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"picture": value[np.newaxis]})[0] for value in INPUTS])


def test_the_gate_is_one_operator() -> None:
    model = hard_swish_model()
    content = to_onnx(model)
    counted = kinds(content)
    assert counted["HardSigmoid"] == counted["Mul"] == 2 and not counted.keys() & {"Clip", "Add"}
    np.testing.assert_allclose(values(content), model(INPUTS), atol=1e-6)


def test_another_gate_stays_as_it_is() -> None:
    model = hard_swish_model(offset=2.5)
    content = to_onnx(model)
    assert kinds(content)["Clip"] == 2 and not kinds(content)["HardSigmoid"]
    np.testing.assert_allclose(values(content), model(INPUTS), atol=1e-6)


def kernels(content: bytes) -> list[int]:
    """Return the numbers of weights of int8 kernels."""
    import onnx

    tensors = onnx.load_from_string(content).graph.initializer
    sizes = [int(np.prod(tensor.dims)) for tensor in tensors if tensor.data_type == onnx.TensorProto.INT8]
    return [size for size in sizes if size > 64]


def test_the_heavy_layers_alone_become_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = to_onnx(hard_swish_model())
    content = quantise(exact, "int8", INPUTS)
    assert kernels(content) == [4096]
    monkeypatch.setattr(onnx_quantize, "HEAVY", 10_000)  # without any, all do
    assert len(kernels(quantise(exact, "int8", INPUTS))) == 4
    assert 0 < np.abs(values(content) - values(exact)).max() < 0.01
