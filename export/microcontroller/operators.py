"""The operators of a TFLite model, with the types of what goes in and comes out."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from runtime.engines.tflite_verifier import check_structure
from toolkit.errors import ArtifactError


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph: its number there, type ("float32"), shape, and whether its values lie in the file."""

    number: int
    dtype: str
    shape: tuple[int, ...]
    constant: bool

    @property
    def bytes(self) -> int:
        """Return its size; a side of any length counts as 1."""
        bits = {"bool": 8, "int4": 4, "complex64": 64}.get(self.dtype) or int(
            "".join(filter(str.isdigit, self.dtype)) or 8
        )
        return math.prod(max(1, side) for side in self.shape) * bits // 8


@dataclass(frozen=True)
class Operator:
    """An operator: kind ("CONV_2D", or a custom one's own name), version, tensors, and options by name."""

    kind: str
    version: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, Any]
    custom: bool = False

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Return what goes in and what comes out."""
        return self.inputs + self.outputs


def read_operators(path: Path, model: bytes) -> list[list[Operator]]:
    """Return the operators of each graph of a TFLite model, in the order in which they run.

    Raise `ArtifactError`, which names `path`, where the model is malformed.
    """
    check_structure(path, model)
    try:
        tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
        return [_graph(tree, graph) for graph in tree.subgraphs]
    except (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{path}: no whole TFLite model ({error}): it was cut short or damaged") from None


def _graph(tree: Any, graph: Any) -> list[Operator]:
    types = {number: name.lower() for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}

    def tensor(number: int) -> Tensor:
        value = graph.tensors[number]
        shape = () if value.shape is None else tuple(map(int, value.shape))
        data = tree.buffers[value.buffer].data
        return Tensor(number, types[value.type], shape, data is not None and len(data) > 0)

    def operator(value: Any) -> Operator:
        code = tree.operatorCodes[value.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        custom = kind == "CUSTOM"
        name = code.customCode.decode("utf-8", "replace") if custom and code.customCode else kind
        inputs, outputs = (
            tuple(tensor(number) for number in part if number >= 0) for part in (value.inputs, value.outputs)
        )
        options = dict(vars(value.builtinOptions)) if value.builtinOptions is not None else {}
        return Operator(name, code.version, inputs, outputs, options, custom)

    return [operator(value) for value in graph.operators]


def least_arena(operators: list[Operator]) -> int:
    """Return the most bytes of tensors that are needed at the same time while operators run one after the other.

    No plan of memory can do with less; an arena holds each tensor's description and the operators' own data besides.
    """
    last = {tensor.number: place for place, operator in enumerate(operators) for tensor in operator.tensors}
    first: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for place, operator in enumerate(operators):
        for tensor in operator.tensors:
            if not tensor.constant:
                first.setdefault(tensor.number, place)
                sizes[tensor.number] = tensor.bytes
    alive = (
        sum(size for number, size in sizes.items() if first[number] <= place <= last[number])
        for place in range(len(operators))
    )
    return max(alive, default=0)
