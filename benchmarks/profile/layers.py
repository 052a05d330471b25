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

    Attributes
    ----------
    name
        That of the layer's output in the model, up to the first `/` or `;`.
    operators
        Kinds of operators, in order.
    weights
        Type of the layer's weights; "8-bit" where an ONNX kernel takes such, of whichever sign.
    milliseconds
        Median over the rounds.
    in_float
        Those of the operators that compute in float32, though others of the model compute in integers.
    outside
        Those that LiteRT's delegate (XNNPACK) did not take, so that slower kernels run them; none in ONNX.
    integers
        Whether an operator takes integers from the one before it, as in a model that is quantised with its activations.
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
    """An operator: its kind, the type that it takes, the type of its weights ("" without any)."""

    kind: str
    taken: str
    weights: str

    @property
    def in_float(self) -> bool:
        """Whether it computes in float32."""
        return self.taken in ("float", "float32") and self.kind not in CONVERSIONS and self.weights != "8-bit"

    @property
    def in_integers(self) -> bool:
        """Whether it computes with integers that the operator before it gave."""
        return self.taken in ("int8", "uint8", "int16") and self.kind not in CONVERSIONS


def marked(parts: Sequence[Segment]) -> list[Segment]:
    """Return parts that name what is in float32 only where others of the model are not."""
    whole = not any(part.integers or part.weights in ("int8", "8-bit") for part in parts)
    return [replace(part, in_float=()) if whole else part for part in parts]


def ranges(weighted: Sequence[bool]) -> list[tuple[int, int]]:
    """Return where each part starts and stops, given which operators have weights."""
    places = [place for place, heavy in enumerate(weighted) if heavy]
    starts = [0, *places[1:]]
    return list(zip(starts, [*starts[1:], len(weighted)], strict=True))


def short(name: str) -> str:
    """Return the name of a layer from that of its tensor or node."""
    return name.partition(";")[0].partition("/")[0]
