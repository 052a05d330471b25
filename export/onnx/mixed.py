"""ONNX models with some layers quantised, by ONNX Runtime's tools."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.inputs import Inputs
from export.onnx.quantize import INTEGER_OPS, checked, cleaned, prepare, quantising, to_dynamic, to_static
from export.quantize.mixer import Mixer, grouped
from export.quantize.search import QuantizationPlan
from export.weighted import ONNX_NODES


class OnnxMixer(Mixer):
    """Builds mixtures from a float32 ONNX model; its files live in a folder that goes when it goes."""

    def _measured_groups(self, layers: Sequence[str], calibration: Inputs) -> dict[str, list[str]]:
        self._folder = tempfile.TemporaryDirectory(prefix="gtzanet-edge-")
        self._source, self._prepared, self._ranges = (
            Path(self._folder.name) / name for name in ("source.onnx", "prepared.onnx", "ranges.json")
        )
        with quantising():
            import onnx

            self._source.write_bytes(self._content)
            prepare(self._source, self._prepared)
            groups = _groups(onnx.load(self._prepared).graph, layers)
            unused = self._prepared.with_name("unused.onnx")
            to_static(self._prepared, unused, calibration, ranges=self._ranges)
            unused.unlink()
        return groups

    def _mixed(self, plan: QuantizationPlan) -> bytes:
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
    nodes = (
        (
            node.name,
            ";".join(
                [node.output[0], *node.input[1:2]]
            ),  # a convolution's output has the name of what is fused into it
            node.op_type in ONNX_NODES and node.input[1] in constants,
            node.op_type in INTEGER_OPS,
        )
        for node in graph.node
    )
    return grouped(nodes, layers)
