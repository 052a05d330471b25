"""From a float32 ONNX model to one with smaller weights: float16, int8 as it runs, or int8 with measured ranges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.onnx_model import INPUT_NAME
from toolkit.errors import ArtifactError, RunError
from toolkit.quiet import captured_stderr

SMALLEST = 1024
"""Constants with fewer values stay float32: they are biases and scalars, and cost nothing."""
INTEGER_OPS = ("Conv", "Flatten", "Gemm", "MatMul", "MaxPool", "Relu", "Reshape", "Transpose")
"""What becomes integer in an int8 model: convolutions, dense layers, and what only moves or compares values."""


def quantise(model: bytes, precision: str, calibration: NDArray[np.uint8] | None = None) -> bytes:
    """Return an ONNX model with smaller weights, checked by `onnx.checker`; its input and output stay float32.

    Parameters
    ----------
    model
        A float32 model as `export.onnx_model.to_onnx` makes it.
    precision
        "float16" stores the weights so and computes in float32; "dynamic" makes the weights of convolutions and dense
        layers 8-bit and measures activations as it runs; "int8" measures their ranges beforehand (per channel,
        QuantizeLinear and DequantizeLinear around each operator).
    calibration
        uint8 (n, 288, 432, 3), the pictures that the ranges of "int8" are measured on.

    Raises
    ------
    RunError
        If ONNX Runtime's tools are not installed.
    ArtifactError
        If a weight does not fit, or ONNX Runtime's tools fail.
    """
    with captured_stderr():
        try:
            import onnx

            if precision == "float16":
                converted = _halved(onnx.load_from_string(model))
            else:
                converted = _integer(model, precision, calibration)
            onnx.checker.check_model(converted, full_check=True)
        except ImportError as error:
            raise RunError(
                f"ONNX quantisation needs onnx and onnxruntime ({error}): run `pip install 'gtzanet-edge[train]'`"
            ) from None
        except ArtifactError:
            raise
        except Exception as error:  # ONNX Runtime's tools raise whatever fails inside them; each means the same here
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ArtifactError(f"ONNX Runtime cannot quantise the model: {reason[:300]}") from error
    return bytes(converted.SerializeToString(deterministic=True))


def float_ops(model: bytes) -> tuple[str, ...]:
    """Return the operators of an int8 model that compute in float32."""
    import onnx

    quantising = {"QuantizeLinear", "DequantizeLinear"}
    found = {node.op_type for node in onnx.load_from_string(model).graph.node}
    return tuple(sorted(found - quantising - set(INTEGER_OPS)))


def _halved(model: Any) -> Any:
    """Return the model with its weights stored as float16, each made float32 again by a Cast as the model is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST:
            continue
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if not np.isfinite(halves).all():
            raise ArtifactError("a weight is larger than float16 holds (65504): use another precision")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}_float16"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], f"Cast_{name}", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _integer(model: bytes, precision: str, calibration: NDArray[np.uint8] | None) -> Any:
    """Return the model quantised by ONNX Runtime's tools, without the notes they leave in it.

    Processors with AVX2 and without VNNI add two products of 8-bit numbers in 16 bits, which saturates without a word
    for unsigned activations with signed weights of 8 bits. So the weights of "int8" have 7 bits, which cannot, and
    those of "dynamic" are unsigned, which such processors multiply in another way.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        source, prepared, result = (Path(folder) / f"{name}.onnx" for name in ("source", "prepared", "result"))
        source.write_bytes(model)
        if precision == "dynamic":
            quantize_dynamic(source, result, op_types_to_quantize=["Conv", "MatMul"], weight_type=QuantType.QUInt8)
        else:
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                result,
                _Pictures(() if calibration is None else calibration),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(INTEGER_OPS),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
        converted = onnx.load(result)
    del converted.metadata_props[:]
    del converted.graph.value_info[:]
    used = {node.domain for node in converted.graph.node}
    kept = [opset for opset in converted.opset_import if opset.domain in used]
    del converted.opset_import[:]
    converted.opset_import.extend(kept)
    return converted


class _Pictures:
    """The calibration pictures as ONNX Runtime's tools ask for them."""

    def __init__(self, pictures: Iterable[NDArray[np.uint8]]) -> None:
        self._left = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        picture = next(self._left, None)
        return None if picture is None else {INPUT_NAME: picture[np.newaxis].astype(np.float32)}
