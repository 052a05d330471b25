"""Round numbers along an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

_TICKS = 5
_LOG_FROM = 8
"""From this quotient of the most and the least on an axis is logarithmic: else one slow file squeezes all others."""


@dataclass(frozen=True)
class Axis:
    """The numbers at an axis, and whether equal distances on it are equal quotients."""

    marks: tuple[float, ...]
    logarithmic: bool

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at the first mark and 1 at the last; what is beyond them lies at the nearest."""
        low, high = self.marks[0], self.marks[-1]
        value = min(max(value, low), high)
        if self.logarithmic:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


def axis(low: float, high: float, from_zero: bool = True) -> Axis:
    """Return an axis of times that holds `low` to `high`: a logarithmic one where they are far apart."""
    if 0 < _LOG_FROM * low < high:
        # A decade more at each end: the logarithm of what is just below a power of ten may be rounded up.
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
        marks = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
        first = max(place for place, mark in enumerate(marks) if mark <= low)
        last = min(place for place, mark in enumerate(marks) if mark >= high)
        return Axis(tuple(marks[first : last + 1]), logarithmic=True)
    return Axis(tuple(ticks(0 if from_zero else low - (high - low) / 10, high)), logarithmic=False)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers, evenly spaced, the first not above `low` and the last not below `high`."""
    width = max(high - low, abs(high) * 1e-3, 1e-9)
    rough = width / _TICKS
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]
