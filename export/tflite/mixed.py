"""TFLite models with some layers quantised, by AI Edge Quantizer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from export.inputs import Inputs, batch_of
from export.malloc import keep, release
from export.quantize.mixer import Mixer, grouped
from export.quantize.search import QuantizationPlan
from export.tflite_tree import operators, unpacked
from export.tools import needed, tool
from export.weighted import TFLITE_OPERATORS

SIGNATURE = "serving_default"
BITS = 8
THREADS = 2
"""The same everywhere, so that the ranges are."""
FOLLOWING = ("MAX_POOL_2D", "RESHAPE")
"""What only moves or compares values: after an int8 layer it is int8, too."""


def check_quantizer() -> None:
    """Raise `RunError` unless AI Edge Quantizer is installed, with all that is used of it."""
    with needed("this precision needs ai-edge-quantizer"):
        from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe_manager  # noqa: F401
        from ai_edge_quantizer.utils.qsv_utils import min_max_update  # noqa: F401


class TfliteMixer(Mixer):
    """Builds mixtures from a float32 TFLite model.

    The quantizer puts weights behind the flatbuffer, as huge models need, where older interpreters do not look for
    them; `export.tflite.metadata.describe` puts them back.
    """

    def _measured_groups(self, layers: Sequence[str], calibration: Inputs) -> dict[str, list[tuple[str, str]]]:
        check_quantizer()
        groups = _groups(self._content, layers)
        keep()  # the quantizer copies every tensor, weights too, for every input
        self._ranges = self._measured(calibration)
        release()
        return groups

    def _mixed(self, plan: QuantizationPlan) -> bytes:
        from ai_edge_quantizer import quantizer

        with _quantising():
            maker = quantizer.Quantizer(self._content)
            for layer, kind in plan.items():
                first, *following = self._groups[layer]
                if kind == "dynamic":
                    maker.add_dynamic_config(**_scope(first), num_bits=BITS)
                elif kind == "int8":
                    for operator in (first, *following):
                        maker.add_static_config(**_scope(operator), activation_num_bits=BITS, weight_num_bits=BITS)
            ranges = self._ranges if maker.need_calibration else None
            return bytes(maker.quantize(ranges, enable_progress_report=False).quantized_model)

    def _measured(self, calibration: Inputs) -> dict[str, Any]:
        """Return the smallest and the largest value of every tensor over all inputs.

        By default the quantizer computes a moving average of each input's extremes, which cuts off what single
        inputs reach: a GTZANet in int8 was 20 times farther from float32 with it.
        """
        from ai_edge_quantizer import calibrator, recipe_manager
        from ai_edge_quantizer.utils.qsv_utils import min_max_update

        everything = recipe_manager.RecipeManager()
        everything.add_static_config(
            regex=".*", operation_name=_operation("*"), activation_num_bits=BITS, weight_num_bits=BITS
        )
        name = unpacked(self._content).signatureDefs[0].inputs[0].name.decode()
        with _quantising():
            measuring = calibrator.Calibrator(self._content, THREADS, qsv_update_func=min_max_update)
            for value in calibration:
                measuring.calibrate({SIGNATURE: [{name: batch_of(value)}]}, everything)
            return dict(measuring.get_model_qsvs())


def dynamic(content: bytes, selected: Sequence[tuple[str, str]]) -> bytes:
    """Return a float32 TFLite model with the weights of some operators, (kind, name of the output), in int8."""
    check_quantizer()
    from ai_edge_quantizer import quantizer

    with _quantising():
        maker = quantizer.Quantizer(content)
        for operator in selected:
            maker.add_dynamic_config(**_scope(operator), num_bits=BITS)
        return bytes(maker.quantize(enable_progress_report=False).quantized_model)


def _quantising() -> AbstractContextManager[None]:
    return tool("AI Edge Quantizer cannot quantise the model")


def _groups(content: bytes, layers: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return for every layer its operators, (kind, name of the output): the one with weights and those to follow it."""
    tree = unpacked(content)
    names = [tensor.name.decode() for tensor in tree.subgraphs[0].tensors]
    kinds = (
        ((kind, names[operator.outputs[0]]), names[operator.outputs[0]], kind in TFLITE_OPERATORS, kind in FOLLOWING)
        for kind, operator in operators(tree)
    )
    return grouped(kinds, layers)


def _scope(operator: tuple[str, str]) -> dict[str, Any]:
    """Return what selects one operator in the quantizer: its kind, and its output's name with the end it adds to it."""
    kind, output = operator
    return {"regex": f"^{re.escape(output)};$", "operation_name": _operation(kind)}


def _operation(kind: str) -> Any:
    from ai_edge_quantizer import qtyping

    return qtyping.TFLOperationName(kind)
