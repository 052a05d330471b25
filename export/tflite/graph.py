"""Two TFLite models as one: the output of the first is the input of the second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from export.tflite_tree import packed, unpacked
from toolkit.errors import ArtifactError


def compose(first: bytes, second: bytes) -> bytes:
    """Return a TFLite model that runs `first`, and `second` on its output.

    Each operator and constant stays as it is: a quantised network after a float32 front end stays the network that was
    measured.

    `first` has one graph. Raises `ArtifactError` unless its one output has the type and shape of the one input of
    `second`.
    """
    front, network = unpacked(first), unpacked(second)
    (before,), (after, *bodies) = front.subgraphs, network.subgraphs
    source, target = before.tensors[before.outputs[0]], after.tensors[after.inputs[0]]
    if source.type != target.type or list(source.shape) != list(target.shape):
        raise ArtifactError(
            f"the output of the front end is {list(map(int, source.shape))} of type {source.type}, the input of the "
            f"network is {list(map(int, target.shape))} of type {target.type}"
        )
    buffers, codes, tensors = len(front.buffers), len(front.operatorCodes), len(before.tensors)
    joint = {int(after.inputs[0]): int(before.outputs[0])}

    def moved(numbers: Sequence[int]) -> Any:
        return np.array([joint.get(int(n), int(n) + tensors if n >= 0 else -1) for n in numbers], np.int32)

    for graph in network.subgraphs:  # those behind the first are the bodies of loops, and keep their numbers
        for tensor in graph.tensors:
            tensor.buffer += buffers
        for operator in graph.operators:
            operator.opcodeIndex += codes
    for operator in after.operators:
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
    front.buffers += network.buffers
    front.operatorCodes += network.operatorCodes
    front.subgraphs += bodies
    before.tensors += after.tensors
    before.operators += after.operators
    before.outputs = moved(after.outputs)
    front.metadata, front.metadataBuffer = [], []
    for signature in front.signatureDefs or []:
        signature.outputs[0].tensorIndex = int(before.outputs[0])
    return packed(front)
