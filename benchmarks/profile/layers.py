"""Operators, and parts of a model: a layer with weights and the operators up to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

CONVERSIONS = (
    *("QUANTIZE", "DEQUANTIZE", "RESHAPE", "TRANSPOSE", "EXPAND_DIMS", "SQUEEZE"),
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast", "Reshape", "Transpose"),
    *("ReorderInput", "ReorderOutput"),
)
"""Operators that compute nothing: they turn numbers into others of the same values, or move them."""


@dataclass(frozen=True)
class Segment:
    """A layer with weights and the operators up to the next one; what comes before the first belongs to the first.

    `name` is that of the layer's output in the model, up to the first `/` or `;`, `weights` the type of its weights
    ("8-bit" where an ONNX kernel has such, of whichever sign), `milliseconds` the median over the rounds. Of the
    `operators` (kinds, in order), those `in_float` compute in float32, though others of the model compute in integers,
    and those `outside` run in slower kernels than those of LiteRT's delegate (XNNPACK). `integers`: an operator's input
    is integers from the one before it, as in a model that is quantised with its activations.
    """

    name: str
    operators: tuple[str, ...]
    weights: str
    milliseconds: float
    in_float: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    integers: bool = False


@dataclass(frozen=True)
class Step:
    """An operator: its kind, the type of its input, the type of its weights ("" without any), and the delegate's view.

    `chained`: its input is the output of the operator before it, and not made integer just for it.
    """

    kind: str
    input_type: str
    weights: str
    outside: bool = False
    chained: bool = True


def segment(name: str, steps: Sequence[Step], weights: str, milliseconds: float) -> Segment:
    """Return the part of a model that is made of these operators; conversions compute neither in float nor integers."""
    computing = [step for step in steps if step.kind not in CONVERSIONS]
    floats = [step for step in computing if step.input_type in ("float", "float32") and step.weights != "8-bit"]
    return Segment(
        name.partition(";")[0].partition("/")[0],
        tuple(step.kind for step in steps),
        weights,
        milliseconds,
        tuple(step.kind for step in floats),
        tuple(step.kind for step in steps if step.outside),
        any(step.input_type in ("int8", "uint8", "int16") and step.chained for step in computing),
    )


def marked(parts: Sequence[Segment]) -> list[Segment]:
    """Return parts that name what is in float32 only where others of the model are not."""
    whole = not any(part.integers or part.weights in ("int8", "8-bit") for part in parts)
    return [replace(part, in_float=()) if whole else part for part in parts]


def ranges(weighted: Sequence[bool]) -> list[tuple[int, int]]:
    """Return where each part starts and stops, from which operators have weights."""
    places = [place for place, heavy in enumerate(weighted) if heavy]
    starts = [0, *places[1:]]
    return list(zip(starts, [*starts[1:], len(weighted)], strict=True))
