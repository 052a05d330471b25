"""From a float32 ONNX model to one with smaller weights: float16, int8 as it runs, or int8 with measured ranges."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inputs import Inputs, batch_of
from export.onnx.hard_sigmoid import HARD_SIGMOID
from export.tools import needed, tool
from export.weighted import HEAVY, ONNX_NODES, halved

INTEGER_OPS = ("Conv", "Flatten", "Gemm", "MatMul", "MaxPool", "Relu", "Reshape", "Transpose")
"""What becomes integer in an int8 model: convolutions, dense layers, and what only moves or compares values."""


def quantise(model: bytes, precision: str, calibration: Inputs | None = None) -> bytes:
    """Return an ONNX model with smaller weights, checked by `onnx.checker`; its input and output stay float32.

    Parameters
    ----------
    model
        A float32 model of `export.onnx.convert.to_onnx`.
    precision
        "float16" stores the weights so and computes in float32; "dynamic" makes the weights of convolutions and dense
        layers 8-bit and measures activations as it runs; "int8" measures their ranges beforehand (per channel,
        QuantizeLinear and DequantizeLinear around each operator).
    calibration
        (n, ...), the inputs that the ranges of "int8" are measured on.

    Raises `RunError` if ONNX Runtime's tools are not installed, `ArtifactError` if they fail or a weight does not fit.
    """
    with quantising():
        import onnx

        if precision == "float16":
            return checked(_halved(onnx.load_from_string(model)))
        return checked(_integer(model, precision, calibration))


@contextmanager
def quantising() -> Iterator[None]:
    """Turn whatever ONNX Runtime's tools raise into one sentence, and keep what they print off the terminal."""
    with tool("ONNX Runtime cannot quantise the model"), needed("ONNX quantisation needs onnx and onnxruntime"):
        yield


def checked(model: Any) -> bytes:
    """Return the bytes of a model that `onnx.checker` finds right."""
    import onnx

    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def float_ops(model: bytes) -> tuple[str, ...]:
    """Return the operators of an int8 model that compute in float32."""
    import onnx

    converting = {"QuantizeLinear", "DequantizeLinear"}
    operators = {node.op_type for node in onnx.load_from_string(model).graph.node}
    return tuple(sorted(operators - converting - set(INTEGER_OPS)))


def _halved(model: Any) -> Any:
    """Return the model with its weights stored as float16, each made float32 again by a Cast as the model is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if (halves := halved(numpy_helper.to_array(tensor))) is None:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}_float16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], f"Cast_{name}", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _integer(model: bytes, precision: str, calibration: Inputs | None) -> Any:
    """Return the model quantised by ONNX Runtime's tools."""
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        source, prepared, result = (Path(folder) / f"{name}.onnx" for name in ("source", "prepared", "result"))
        source.write_bytes(model)
        if precision == "dynamic":
            to_dynamic(source, result)
        else:
            prepare(source, prepared)
            to_static(prepared, result, calibration, _heavy_nodes(prepared))
        return cleaned(result)


def _heavy_nodes(path: Path) -> list[str] | None:
    """Return the nodes that become int8 in a model with hard-swish, as in TFLite; None where all do."""
    import onnx

    graph = onnx.load(path).graph
    if all(node.op_type != HARD_SIGMOID for node in graph.node):
        return None
    shapes = {tensor.name: tensor.dims for tensor in graph.initializer}
    kernels = {node.name: shapes.get(node.input[1], ()) for node in graph.node if node.op_type in ONNX_NODES}
    return [name for name, dims in kernels.items() if math.prod(dims) >= HEAVY and dims[1] > 1] or None


def prepare(source: Path, result: Path) -> None:
    """Write a model as ONNX Runtime's tools want it before they quantise it: shapes inferred, operators fused."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(source, result, skip_symbolic_shape=True)


def to_dynamic(source: Path, result: Path, nodes: Sequence[str] | None = None) -> None:
    """Write a model with 8-bit weights in all nodes, or in those named; activations become so as it runs.

    The weights are unsigned: processors with AVX2 and without VNNI add two products of 8-bit numbers in 16 bits, which
    saturates without an error for unsigned activations with signed weights of 8 bits; unsigned weights they multiply in
    another way.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        result,
        op_types_to_quantize=["Conv", "MatMul"],
        nodes_to_quantize=nodes,
        weight_type=QuantType.QUInt8,
    )


def to_static(
    source: Path,
    result: Path,
    calibration: Inputs | None,
    nodes: Sequence[str] | None = None,
    ranges: Path | None = None,
) -> None:
    """Write a model whose nodes, all or those named, are int8 with ranges measured on the inputs of `calibration`.

    The weights have 7 bits, so that two products always fit into 16 bits (see `to_dynamic`). The ranges are kept in
    the file `ranges`, or read from it, if there is one.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    quantize_static(
        source,
        result,
        _Samples(_input_name(source), () if calibration is None else calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(INTEGER_OPS),
        nodes_to_quantize=nodes,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        **({} if ranges is None else {"calibration_cache_path": ranges}),
    )


def cleaned(path: Path) -> Any:
    """Return the model in a file that ONNX Runtime's tools wrote, without the notes they leave in it."""
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    del model.graph.value_info[:]
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


def _input_name(path: Path) -> str:
    import onnx

    return str(onnx.load(path, load_external_data=False).graph.input[0].name)


class _Samples:
    """The calibration inputs as ONNX Runtime's tools read them."""

    def __init__(self, name: str, inputs: Iterable[Inputs]) -> None:
        self._samples = ({name: batch_of(value)} for value in inputs)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._samples, None)
