"""ONNX models with some layers quantised, by ONNX Runtime's tools."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.onnx.quantize import INTEGER_OPS, checked, cleaned, prepare, quantising, to_dynamic, to_static
from export.quantize.search import FLOAT, QuantizationPlan
from export.weighted import ONNX_NODES
from toolkit.errors import ArtifactError


class OnnxMixer:
    """Builds mixtures from a float32 ONNX model; its files live in a folder that goes when it goes."""

    def __init__(self, content: bytes, layers: Sequence[str], calibration: NDArray[np.uint8]) -> None:
        """Measure the ranges of all activations.

        Parameters
        ----------
        content
            The float32 model.
        layers
            The names of the network's layers with weights, in order.
        calibration
            uint8 (n, 288, 432, 3), the pictures to measure on.

        Raises
        ------
        RunError
            If ONNX Runtime's tools are not installed.
        ArtifactError
            If the model has other layers, or the tools fail.
        """
        self._content = content
        self._folder = tempfile.TemporaryDirectory(prefix="gtzanet-edge-")
        self._source, self._prepared, self._ranges = (
            Path(self._folder.name) / name for name in ("source.onnx", "prepared.onnx", "ranges.json")
        )
        with quantising():
            import onnx

            self._source.write_bytes(content)
            prepare(self._source, self._prepared)
            self._groups = _groups(onnx.load(self._prepared).graph, layers)
            unused = self._prepared.with_name("unused.onnx")
            to_static(self._prepared, unused, calibration, ranges=self._ranges)
            unused.unlink()

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers with weights, in order."""
        return tuple(self._groups)

    def build(self, plan: QuantizationPlan) -> bytes:
        """Return the model in which each layer is of the kind that the plan says; its input and output are float32.

        Raises
        ------
        ArtifactError
            If ONNX Runtime's tools fail.
        """
        if set(plan.values()) == {FLOAT}:
            return self._content
        integer = [node for layer, kind in plan.items() if kind == "int8" for node in self._groups[layer]]
        dynamic = [self._groups[layer][0] for layer, kind in plan.items() if kind == "dynamic"]
        dynamic += [f"{node}_MatMul" for node in dynamic]  # what the tools make of a Gemm
        with quantising():
            step, result = (self._prepared.with_name(name) for name in ("step.onnx", "result.onnx"))
            source = self._prepared
            if integer:
                to_static(source, step, None, integer, self._ranges)
                source = step
            if dynamic:
                to_dynamic(source, result, dynamic)
                source = result
            return checked(cleaned(source))


def _groups(graph: Any, layers: Sequence[str]) -> dict[str, list[str]]:
    """Return for every layer the names of its nodes: the one with weights, and those to follow it."""
    constants = {tensor.name for tensor in graph.initializer}
    groups: list[list[str]] = []
    joined = False
    for node in graph.node:
        weighted = node.op_type in ONNX_NODES and node.input[1] in constants
        if weighted:
            groups.append([])
        joined = weighted or (joined and node.op_type in INTEGER_OPS)
        if joined:
            groups[-1].append(node.name)
    if len(groups) != len(layers):
        raise ArtifactError(
            f"the network has {len(layers)} layers with weights, its ONNX model {len(groups)}: "
            "use another precision than mixed"
        )
    return dict(zip(layers, groups, strict=True))
