"""Store a TFLite model's weights as float16; it computes in float32 as before.

TensorFlow's own float16 conversion rounds every constant. One such is the 1e-12 that keeps a picture of one colour from
a division by zero, which float16 rounds to zero. Here only weights are touched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.tflite_tree import packed, schema, unpacked
from export.weighted import halved

DEQUANTIZE_VERSION = 3
"""The first version of the operator that reads float16."""


def halve_weights(model: bytes) -> bytes:
    """Return a float32 TFLite model with its weights stored as float16; `ArtifactError` if one is too large."""
    tree = unpacked(model)
    code = schema().OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema().BuiltinOperator.DEQUANTIZE
    code.version = DEQUANTIZE_VERSION
    tree.operatorCodes.append(code)
    for graph in tree.subgraphs:  # the bodies of loops are graphs of their own
        _halve(tree, graph)
    return packed(tree)


def _halve(tree: Any, graph: Any) -> None:
    """Store the weights of one graph as float16."""
    types = schema().TensorType
    widened: dict[int, int] = {}
    for number, tensor in enumerate(list(graph.tensors)):
        data = tree.buffers[tensor.buffer].data
        if tensor.type != types.FLOAT32 or data is None:
            continue
        halves = halved(np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32))
        if halves is None:
            continue
        tree.buffers[tensor.buffer].data = np.frombuffer(halves.tobytes(), np.uint8)
        tensor.type = types.FLOAT16
        graph.tensors.append(_like(tensor))
        widened[number] = len(graph.tensors) - 1
    for operator in graph.operators:
        operator.inputs = np.array([widened.get(int(place), int(place)) for place in operator.inputs], np.int32)
    graph.operators = [_widen(len(tree.operatorCodes) - 1, *pair) for pair in widened.items()] + graph.operators


def _like(tensor: Any) -> Any:
    """Return a float32 tensor of another tensor's shape that an operator will write."""
    result = schema().TensorT()
    result.shape, result.type, result.buffer = tensor.shape, schema().TensorType.FLOAT32, 0
    result.name = bytes(tensor.name) + b"/float32"
    return result


def _widen(code: int, source: int, target: int) -> Any:
    """Return the operator that turns a float16 tensor into a float32 one."""
    operator = schema().OperatorT()
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = np.array([source], np.int32), np.array([target], np.int32)
    operator.builtinOptionsType = schema().BuiltinOptions.DequantizeOptions
    operator.builtinOptions = schema().DequantizeOptionsT()
    return operator
