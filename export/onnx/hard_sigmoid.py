"""The gate of hard-swish as ONNX' own operator, which runs in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

HARD_SIGMOID = "HardSigmoid"


def with_hard_sigmoid(graph: Any) -> None:
    """Make each relu6(x + 3) / 6 of a graph, which tf2onnx writes as Add, Clip and Mul, one HardSigmoid."""
    from onnx import helper, numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}

    def scalar(node: Any, kind: str, value: float) -> str | None:
        """Return the input of a node of this kind whose other input is this number, None of another node."""
        if node is None or node.op_type != kind:
            return None
        rest = [name for name in node.input if name not in constants]
        values = [constants[name] for name in node.input if name in constants]
        is_it = len(rest) == len(values) == 1 and values[0].size == 1 and np.isclose(values[0].item(), value)
        return str(rest[0]) if is_it else None

    replaced: list[Any] = []
    for node in graph.node:
        clip = producers.get(scalar(node, "Mul", 1 / 6))
        if clip is None or clip.op_type != "Clip":
            continue
        limits = [float(constants[name]) for name in clip.input[1:] if name in constants]
        add = producers.get(clip.input[0])
        source = scalar(add, "Add", 3)
        if limits == [0, 6] and source:
            node.CopyFrom(helper.make_node(HARD_SIGMOID, [source], [node.output[0]], alpha=1 / 6, beta=0.5))
            replaced += [clip, add]  # a node after what reads it, so that both go
    if replaced:
        _remove_unused(graph, replaced)


def _remove_unused(graph: Any, replaced: list[Any]) -> None:
    """Remove the replaced nodes, and the constants, whose values nothing reads."""
    for node in replaced:
        if not any(node.output[0] in other.input for other in graph.node):
            graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
