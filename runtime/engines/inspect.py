"""What a model without a card has inside: its one input and output, and which precision it seems to have."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from runtime.engines.base import Tensor
from runtime.engines.litert import tensor_of
from runtime.engines.load import default_engine, engine_module
from runtime.engines.onnx_runtime import tensor_of_session
from toolkit.artifact.file import TFLITE, format_of
from toolkit.error_text import first_line
from toolkit.errors import ArtifactError
from toolkit.native_stderr import captured_stderr


class Tensors(NamedTuple):
    """A model's input and output, and the types of all its tensors where the engine tells them."""

    input: Tensor
    output: Tensor
    dtypes: frozenset[str]


def inspected(path: Path, content: bytes) -> Tensors:
    """Return the tensors of a model file, as the first installed engine for it reads them.

    Raise `ArtifactError` if it is no model, or has several inputs or outputs or sides of any length, and `EngineError`
    if no engine for it is installed.
    """
    format = format_of(content, path)
    module = engine_module(default_engine(path, format))
    try:
        with captured_stderr():
            inputs, outputs, dtypes = (_tflite if format == TFLITE else _onnx)(module, content)
    except Exception as error:  # the libraries' own classes, without a common base
        raise ArtifactError(f"{path}: no whole model that an engine here loads ({first_line(error)})") from None
    for role, tensors in (("input", inputs), ("output", outputs)):
        if len(tensors) != 1:
            raise ArtifactError(f"{path}: the model has {len(tensors)} {role}s, not one: convert it with one")
    return Tensors(_fixed(path, "input", inputs[0]), _fixed(path, "output", outputs[0]), frozenset(dtypes))


class _Raw(NamedTuple):
    """A tensor as an engine tells it; a side of any length is not a positive number."""

    tensor: Tensor
    sides: tuple[Any, ...]


def _fixed(path: Path, role: str, raw: _Raw) -> Tensor:
    """Return a tensor whose sides are fixed; only the batch may be free."""
    if any(not isinstance(side, int) or side < 1 for side in raw.sides[1:]):
        sides = ", ".join(str(side) if isinstance(side, int) and side > 0 else "any" for side in raw.sides)
        raise ArtifactError(f"{path}: its {role} is ({sides}), of any size: convert the network with fixed sizes")
    if raw.tensor.dtype.name not in ("float32", "int8", "uint8"):
        raise ArtifactError(f"{path}: its {role} is {raw.tensor.dtype.name}, not float32, int8 or uint8: convert it so")
    return raw.tensor


def _tflite(module: Any, content: bytes) -> tuple[list[_Raw], list[_Raw], set[str]]:
    interpreter = module.Interpreter(model_content=content, num_threads=1)
    sides = [
        [_Raw(tensor_of(detail), tuple(map(int, detail["shape_signature"]))) for detail in details]
        for details in (interpreter.get_input_details(), interpreter.get_output_details())
    ]
    dtypes = {np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()}
    return sides[0], sides[1], dtypes


def _onnx(module: Any, content: bytes) -> tuple[list[_Raw], list[_Raw], set[str]]:
    session = module.InferenceSession(content, providers=["CPUExecutionProvider"])
    inputs, outputs = (
        [_Raw(tensor_of_session(tensor), tuple(tensor.shape)) for tensor in tensors]
        for tensors in (session.get_inputs(), session.get_outputs())
    )
    marks = {"int8": (b"DequantizeLinear",), "dynamic": (b"DynamicQuantizeLinear",)}
    return inputs, outputs, {name for name, texts in marks.items() if any(text in content for text in texts)}


def precision_of(content: bytes, tensors: Tensors) -> str:
    """Return the precision that a model's tensors look like: an integer input is that of a whole int8 model."""
    if tensors.input.dtype != np.float32 or tensors.output.dtype != np.float32:
        return "int8"
    if "dynamic" in tensors.dtypes:
        return "dynamic"
    if "int16" in tensors.dtypes:
        return "int16x8"
    if "int8" in tensors.dtypes:
        return "int8" if format_of(content, Path()) != TFLITE else "dynamic"
    return "float16" if "float16" in tensors.dtypes else "float32"
