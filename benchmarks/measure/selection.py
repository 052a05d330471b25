"""Which file to ship: those that no other file beats in everything, and the best one within limits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure.row import Row, short_names
from toolkit.errors import UsageError
from toolkit.measure.metrics import mcnemar

SIGNIFICANT = 0.05
_TIMES = {"": 1.0, "ms": 1.0, "s": 1e3, "us": 1e-3}
_SIZES = {"": 1.0, "b": 1.0, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9}


@dataclass(frozen=True)
class Choice:
    """A file that may be shipped: its row's name and figures.

    `right` (bool, (n,)) are the samples that it is right on, `samples` what these are: only files with equal ones can
    be compared pair by pair. `spread` is how far the latency may be off, as a share of it.
    """

    name: str
    accuracy: float
    latency_ms: float
    size_bytes: int
    peak_bytes: int | None
    right: NDArray[np.bool_]
    samples: str
    spread: float = 0.0


@dataclass(frozen=True)
class Limits:
    """The most milliseconds and bytes of a file, and the least accuracy; None for any."""

    latency_ms: float | None = None
    size_bytes: float | None = None
    peak_bytes: float | None = None
    accuracy: float | None = None

    def __str__(self) -> str:
        limits = {
            "{:g} ms": self.latency_ms,
            "{:g} MB on the disk": self.size_bytes and self.size_bytes / 1e6,
            "{:g} MB of memory": self.peak_bytes and self.peak_bytes / 1e6,
            "an accuracy of {:g} or more": self.accuracy,
        }
        return ", ".join(text.format(limit) for text, limit in limits.items() if limit is not None)


@dataclass(frozen=True)
class Advice:
    """The file to ship, None where none is within the limits, and why."""

    name: str | None
    reason: str


def choice_of(row: Row) -> Choice | None:
    """Return a measured file as a choice; None where its accuracy or its time is not known."""
    timed = row.file_to_label or row.network
    if row.detail is None or row.accuracy is None or timed is None:
        return None
    return Choice(
        name=row.name,
        accuracy=row.accuracy.accuracy,
        latency_ms=timed.p50_ms,
        size_bytes=row.size_bytes,
        peak_bytes=row.fresh.peak_bytes if row.fresh else None,
        right=np.equal(row.detail.predicted, row.detail.truth),
        samples=row.judged_on,
        spread=timed.spread,
    )


def front(choices: Sequence[Choice]) -> frozenset[str]:
    """Return the names on the Pareto front of accuracy against latency, size and memory.

    A file is left out where another is at least as good in all and better in one. Memory counts where both have it.
    """
    return frozenset(one.name for one in choices if not any(dominates(other, one) for other in choices))


def dominates(one: Choice, other: Choice) -> bool:
    """Return whether `one` is nowhere worse than `other`, and somewhere better."""
    peaks = one.peak_bytes is not None and other.peak_bytes is not None
    mine, theirs = (
        (-choice.accuracy, choice.latency_ms, choice.size_bytes, (choice.peak_bytes or 0) if peaks else 0)
        for choice in (one, other)
    )
    return mine != theirs and all(left <= right for left, right in zip(mine, theirs, strict=True))


def advise(choices: Sequence[Choice], limits: Limits) -> Advice:
    """Return the fastest file within the limits that is as accurate as the most accurate one there, but for chance.

    As accurate is what McNemar's exact test on the same samples cannot distinguish from the best (p of 0.05 or more);
    on other samples, what is right at least as often. Of files whose times do not differ by more than they may be off,
    it is the smallest.
    """
    if not choices:
        return Advice(None, "no file was measured whole")
    fitting = [choice for choice in choices if _within(choice, limits)]
    within = f" within {limits}" if str(limits) else ""
    short = short_names([choice.name for choice in choices])
    if not fitting:
        return Advice(None, f"no file is{within}: {_nearest(choices, short)}")
    best = max(fitting, key=lambda choice: (choice.accuracy, -choice.latency_ms, -choice.size_bytes))
    equal = [choice for choice in fitting if as_accurate(choice, best)]
    fastest = min(equal, key=_slow)
    chosen = min((choice for choice in equal if _as_fast(choice, fastest)), key=_large)
    if len(fitting) == 1:
        return Advice(chosen.name, f"{_figures(chosen)}; the only file{within}")
    files = f"the files{within} that are as accurate"
    if len(equal) > 1:
        files = f"{len(equal)} files{within} that are as accurate as any"
    reasons = [_figures(chosen), f"the fastest of {files}"]
    if chosen is not fastest:
        reasons[1] = (
            f"the smallest of {files} and as fast as the fastest of them, but for chance "
            f"({short[fastest.name]}, {fastest.latency_ms:.1f} ms)"
        )
    if (lost := best.accuracy - chosen.accuracy) > 0:
        reasons.append(f"{short[best.name]} is right on {lost:.1%} more, which may be chance")
    return Advice(chosen.name, "; ".join(reasons))


def _slow(choice: Choice) -> tuple[float, ...]:
    """Return a key that is less for a faster file, and of equally fast ones for a smaller, more accurate one."""
    return choice.latency_ms, choice.size_bytes, -choice.accuracy


def _large(choice: Choice) -> tuple[float, ...]:
    """Return a key that is less for a smaller file, and of equally small ones for a faster one."""
    return (choice.size_bytes, *_slow(choice))


def _as_fast(one: Choice, fastest: Choice) -> bool:
    """Return whether a file is as fast as the fastest one, but for how far both times may be off."""
    return one.latency_ms <= fastest.latency_ms * (1 + math.hypot(one.spread, fastest.spread))


def as_accurate(one: Choice, best: Choice) -> bool:
    """Return whether a file is as accurate as the best one, but for chance."""
    if one.accuracy >= best.accuracy:
        return True
    return one.samples == best.samples and mcnemar(one.right, best.right)[2] >= SIGNIFICANT


def milliseconds(text: str) -> float:
    """Return the milliseconds in a text such as "20ms", "0.02s" or "20"; raise `UsageError` for any other."""
    return _quantity(text, _TIMES, "a time such as 20ms or 0.02s")


def size(text: str) -> float:
    """Return the bytes in a text such as "500k", "0.5MB" or "500000"; raise `UsageError` for any other."""
    return _quantity(text, _SIZES, "a size such as 500k or 2MB")


def _quantity(text: str, units: dict[str, float], expected: str) -> float:
    parts = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", text.strip().lower())
    amount = float(parts[1]) * units.get(parts[2], 0.0) if parts else 0.0
    if not 0 < amount < math.inf:
        raise UsageError(f"{text[:60]!r} is not {expected}")
    return amount


def _within(choice: Choice, limits: Limits) -> bool:
    """Return whether a file keeps all limits; memory that is not known keeps none."""
    peak = math.inf if choice.peak_bytes is None else choice.peak_bytes
    most = ((choice.latency_ms, limits.latency_ms), (choice.size_bytes, limits.size_bytes), (peak, limits.peak_bytes))
    accurate = limits.accuracy is None or choice.accuracy >= limits.accuracy
    return accurate and all(limit is None or value <= limit for value, limit in most)


def _nearest(choices: Sequence[Choice], short: Mapping[str, str]) -> str:
    """Return how good the files are that are best in one thing."""
    best = {"fastest": min(choices, key=_slow), "smallest": min(choices, key=_large)}
    if len({choice.accuracy for choice in choices}) > 1:
        best["most accurate"] = min(choices, key=lambda choice: (-choice.accuracy, *_slow(choice)))
    return ", ".join(f"the {word} is {short[one.name]} ({_figures(one)})" for word, one in best.items())


def _figures(choice: Choice) -> str:
    return f"{choice.latency_ms:.1f} ms, {choice.size_bytes / 1e6:.2f} MB, accuracy {choice.accuracy:.3f}"
