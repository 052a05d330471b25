"""A TFLite model as a tree of objects, by TensorFlow's own schema.

It stands beside `export.tflite`, because `export.verify` reads models too and knows no converter.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def unpacked(model: bytes) -> Any:
    """Return a TFLite model as a tree of objects, all of its data inside, wherever they were."""
    from tensorflow.lite.tools import flatbuffer_utils

    return flatbuffer_utils.read_model_from_bytearray(bytearray(model))


def packed(tree: Any) -> bytes:
    """Return a tree of objects as a TFLite model."""
    from tensorflow.lite.tools import flatbuffer_utils

    for buffer in tree.buffers:
        if isinstance(buffer.data, bytes | bytearray):
            buffer.data = np.frombuffer(buffer.data, np.uint8)  # arrays are written whole, bytes one by one
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def operators(tree: Any) -> list[tuple[str, Any]]:
    """Return the operators of a model's main graph, in order, each with the name of its kind ("CONV_2D")."""
    names = {number: name for name, number in vars(schema().BuiltinOperator).items() if isinstance(number, int)}
    codes = tree.operatorCodes
    return [(names[codes[operator.opcodeIndex].builtinCode], operator) for operator in tree.subgraphs[0].operators]


def schema() -> Any:
    """Return the module of the schema's classes and enumerations."""
    from tensorflow.lite.python import schema_py_generated

    return schema_py_generated
