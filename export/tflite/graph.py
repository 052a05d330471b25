"""Two TFLite models as one: what the first gives, the second takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.errors import ArtifactError


def compose(first: bytes, second: bytes) -> bytes:
    """Return a TFLite model that asks `first`, and `second` about its answer.

    Each operator and constant stays as it is: a quantised network after a float32 front end stays the network that was
    measured.

    Parameters
    ----------
    first, second
        Models of one graph; the one output of `first` has the type and shape of the one input of `second`.

    Raises
    ------
    ArtifactError
        If they do not fit together.
    """
    front, network = unpacked(first), unpacked(second)
    (before,), (after,) = front.subgraphs, network.subgraphs
    given, taken = before.tensors[before.outputs[0]], after.tensors[after.inputs[0]]
    if given.type != taken.type or list(given.shape) != list(taken.shape):
        raise ArtifactError(
            f"the front end gives {list(map(int, given.shape))} of type {given.type}, the network takes "
            f"{list(map(int, taken.shape))} of type {taken.type}"
        )
    buffers, codes, tensors = len(front.buffers), len(front.operatorCodes), len(before.tensors)
    joint = {int(after.inputs[0]): int(before.outputs[0])}

    def moved(numbers: Sequence[int]) -> Any:
        return np.array([joint.get(int(n), int(n) + tensors if n >= 0 else -1) for n in numbers], np.int32)

    for tensor in after.tensors:
        tensor.buffer += buffers
    for operator in after.operators:
        operator.opcodeIndex += codes
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
    front.buffers += network.buffers
    front.operatorCodes += network.operatorCodes
    before.tensors += after.tensors
    before.operators += after.operators
    before.outputs = moved(after.outputs)
    front.metadata, front.metadataBuffer = [], []
    for signature in front.signatureDefs or []:
        signature.outputs[0].tensorIndex = int(before.outputs[0])
    return packed(front)


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
