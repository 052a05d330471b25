"""Read the weights of a TFLite model: what its operators multiply by and add, as float32, and nothing is run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.tflite_verifier import check_structure
from toolkit.errors import ArtifactError, DatasetError

DTYPES = {0: "<f4", 1: "<f2", 3: "u1", 9: "i1"}
"""TensorFlow Lite's numbers of the types that weights have."""
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def read_operators(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights and the biases of a file's convolutions and dense layers, by kind and place in the graph.

    "CONV_2D-3.weights" and "CONV_2D-3.bias" are those of the fourth convolution. Weights have the output channels
    first (a depthwise kernel: last), as in the file; quantised ones are multiplied by their scales.

    Raises `DatasetError`, which names the file, if it is no whole TFLite model.
    """
    try:
        content = path.read_bytes()
        if content[4:8] != b"TFL3":
            raise DatasetError(f"{path}: not a TFLite model")
        check_structure(path, content)
        return _operators(content)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    except (ArtifactError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise DatasetError(f"{path}: not a whole TFLite model: copy or fetch it again") from None


def _operators(content: bytes) -> dict[str, NDArray[np.float32]]:
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if name in WEIGHTED}
    graph = model.subgraphs[0]
    values: dict[str, NDArray[np.float32]] = {}
    places: Counter[str] = Counter()
    for operator in graph.operators:
        kind = kinds.get(model.operatorCodes[operator.opcodeIndex].builtinCode)
        if kind is None:
            continue
        for name, number in zip(("weights", "bias"), operator.inputs[1:], strict=False):
            tensor = graph.tensors[number]
            if (data := model.buffers[tensor.buffer].data) is not None:  # a constant
                values[f"{kind}-{places[kind]}.{name}"] = _values(tensor, data)
        places[kind] += 1
    return values


def _values(tensor: Any, data: Any) -> NDArray[np.float32]:
    """Return a constant tensor, float32, of its shape."""
    values = np.frombuffer(bytes(data), DTYPES[tensor.type]).reshape(tensor.shape).astype(np.float32)
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or len(quantization.scale) == 0:
        return values
    along = [1] * values.ndim
    along[quantization.quantizedDimension] = len(quantization.scale)
    zero, scale = (np.asarray(part, np.float32) for part in (quantization.zeroPoint, quantization.scale))
    return (values - zero.reshape(along)) * scale.reshape(along)
