"""Which operators of a TFLite model TensorFlow Lite Micro or the Edge TPU compiler would not take, and why.

The lists are the targets' own, as published; each file names its source and date.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from export.microcontroller.operators import Operator
from toolkit.files import read_json

MICRO, EDGE_TPU = "tflite-micro", "edge-tpu"
_EIGHT_BITS = ("int8", "uint8")
_MAX_SOFTMAX = 16_000
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_TRIED = ("float32", "int8", "int16", "float16")
"""Types of which the list for `MICRO` says whether a kernel takes them."""


@dataclass(frozen=True)
class Finding:
    """How many operators of one kind, version and types a target does not take, and why; or what it wants of them."""

    operator: str
    count: int
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What a target says of a model: what it does not take, and what only its compiler can judge.

    `before` is the number of operators, in their order, before the first that is not taken.
    """

    target: str
    operators: int
    before: int
    refused: tuple[Finding, ...]
    limited: tuple[Finding, ...]


@cache
def operator_list(target: str) -> Any:
    """Return a target's list: its "name", "source", "date" and "operators"."""
    return read_json(Path(__file__).with_name(f"{target}.json"))


def judged(target: str, graphs: Sequence[Sequence[Operator]]) -> Verdict:
    """Return what `MICRO` or `EDGE_TPU` says of the operators of a model's graphs."""
    operators = [operator for graph in graphs for operator in graph]
    refusal, limit = _RULES[target]
    refusals = [refusal(operator) for operator in operators]
    before = next((place for place, reason in enumerate(refusals) if reason), len(operators))
    taken = [limit(operator) if reason is None else None for operator, reason in zip(operators, refusals, strict=True)]
    return Verdict(target, len(operators), before, _counted(operators, refusals), _counted(operators, taken))


def _counted(operators: Sequence[Operator], reasons: Sequence[str | None]) -> tuple[Finding, ...]:
    """Return the operators that have a reason, equal ones together, in the order of their first."""
    counts = Counter(
        (_described(operator), reason) for operator, reason in zip(operators, reasons, strict=True) if reason
    )
    return tuple(Finding(operator, count, reason) for (operator, reason), count in counts.items())


def _described(operator: Operator) -> str:
    """Return an operator as text: "CONV_2D (version 3, float32, weights int8)"."""
    values, weights = _types(operator, False), _types(operator, True)
    held = f", constants {' and '.join(weights)}" if weights else ""
    return f"{operator.kind} (version {operator.version}, {' and '.join(values) or 'no values'}{held})"


def _types(operator: Operator, constant: bool) -> list[str]:
    """Return the types of an operator's constants, or of all else, each once."""
    return list(dict.fromkeys(tensor.dtype for tensor in operator.tensors if tensor.constant == constant))


def _micro_refusal(operator: Operator) -> str | None:
    """Return why TensorFlow Lite Micro does not take an operator."""
    listed = operator_list(MICRO)["operators"]
    if operator.custom or operator.kind not in listed:
        return "a custom operator" if operator.custom else "there is no kernel for it"
    accepted = listed[operator.kind]
    source = next((tensor.dtype for tensor in operator.inputs if not tensor.constant), "")
    source = source or next((tensor.dtype for tensor in operator.inputs), "")
    if source == "float32" and "int8" in _types(operator, True) and operator.kind in _WEIGHTED:
        return "there is no kernel for float32 values with int8 weights: quantise with int8"
    if accepted and source in _TRIED and source not in accepted:
        return f"its kernel takes {', '.join(accepted)}, not {source}"
    return None


def _edge_tpu_refusal(operator: Operator) -> str | None:
    """Return why the Edge TPU compiler leaves an operator to the host's processor."""
    listed = operator_list(EDGE_TPU)["operators"]
    if operator.custom or operator.kind not in listed:
        return "a custom operator" if operator.custom else "it is not among the supported operations"
    if others := [name for name in _types(operator, False) if name not in _EIGHT_BITS]:
        return f"it works on {' and '.join(others)}: all values must be int8 or uint8"
    return listed[operator.kind] if _breaks(operator) else None


def _breaks(operator: Operator) -> bool:
    """Return whether an operator breaks its limitation, of those that a file shows."""
    options = operator.options
    if operator.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION"):
        return bool(options.get("fusedActivationFunction"))
    if operator.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return options.get("dilationWFactor", 1) != options.get("dilationHFactor", 1)
    if operator.kind == "SOFTMAX":
        shape = operator.inputs[0].shape
        return math.prod(shape[:-1]) != 1 or math.prod(shape) > _MAX_SOFTMAX
    return False


def _edge_tpu_limit(operator: Operator) -> str | None:
    """Return the limitation of an operator that is taken, unless the file shows that it is kept."""
    shown = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX")
    return operator_list(EDGE_TPU)["operators"][operator.kind] or None if operator.kind not in shown else None


_RULES: dict[str, tuple[Callable[[Operator], str | None], Callable[[Operator], str | None]]] = {
    MICRO: (_micro_refusal, lambda operator: None),
    EDGE_TPU: (_edge_tpu_refusal, _edge_tpu_limit),
}
TARGETS = tuple(_RULES)
"""Their names, and those of their lists' files."""
