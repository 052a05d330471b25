"""Which file to ship: those that no other file beats in everything, and the best one within given limits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """A file that may be shipped.

    Attributes
    ----------
    name
        The file's path, and its number of threads where there are several.
    accuracy
        Share of samples it is right on.
    latency_ms
        Median time of one query.
    spread
        How far it may be off, as a share of it.
    size_bytes
        On the disk.
    peak_bytes
        Memory of a process that classifies with it; None where that is not known.
    right : ndarray of bool, shape (n,)
        Which samples it is right on.
    samples
        What these samples are: only files with equal ones can be compared pair by pair.
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
    """What a file may take at most, in milliseconds and bytes, and how accurate it must be; None for any."""

    latency_ms: float | None = None
    size_bytes: float | None = None
    peak_bytes: float | None = None
    accuracy: float | None = None

    def __str__(self) -> str:
        texts = [
            f"{self.latency_ms:g} ms" if self.latency_ms is not None else "",
            f"{self.size_bytes / 1e6:g} MB on the disk" if self.size_bytes is not None else "",
            f"{self.peak_bytes / 1e6:g} MB of memory" if self.peak_bytes is not None else "",
            f"an accuracy of {self.accuracy:g} or more" if self.accuracy is not None else "",
        ]
        return ", ".join(filter(None, texts))


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

    A file is left out where another is at least as good in all four and better in one. Memory counts where it is known
    of both.
    """
    return frozenset(one.name for one in choices if not any(dominates(other, one) for other in choices))


def dominates(one: Choice, other: Choice) -> bool:
    """Tell whether `one` is nowhere worse than `other`, and somewhere better."""
    pairs = [
        (-one.accuracy, -other.accuracy),
        (one.latency_ms, other.latency_ms),
        (float(one.size_bytes), float(other.size_bytes)),
    ]
    if one.peak_bytes is not None and other.peak_bytes is not None:
        pairs.append((float(one.peak_bytes), float(other.peak_bytes)))
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)


def advise(choices: Sequence[Choice], limits: Limits) -> Advice:
    """Return the fastest file within the limits that is as accurate as the most accurate one there, but for chance.

    As accurate is what McNemar's exact test on the same samples does not tell from the best (p of 0.05 or more); on
    other samples, what is right at least as often. Of files whose times do not differ by more than they may be off, it
    is the smallest.
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
    chosen = min(
        (choice for choice in equal if as_fast(choice, fastest)), key=lambda choice: (choice.size_bytes, _slow(choice))
    )
    reasons = [_figures(chosen)]
    if len(fitting) == 1:
        return Advice(chosen.name, f"{reasons[0]}; the only file{within}")
    if chosen is fastest:
        reasons.append(f"the fastest of {_counted(len(equal), within)}")
    else:
        reasons.append(
            f"the smallest of {_counted(len(equal), within)} and as fast as the fastest of them, but for chance "
            f"({short[fastest.name]}, {fastest.latency_ms:.1f} ms)"
        )
    lost = best.accuracy - chosen.accuracy
    if lost > 0:
        reasons.append(f"{short[best.name]} is right on {lost:.1%} more, which may be chance")
    return Advice(chosen.name, "; ".join(reasons))


def _counted(count: int, within: str) -> str:
    """Return how many files are as accurate as the best, in words."""
    return (
        f"{count} files{within} that are as accurate as any" if count > 1 else f"the files{within} that are as accurate"
    )


def _slow(choice: Choice) -> tuple[float, int, float, str]:
    """Return what is less for a faster file, and of equally fast ones for a smaller, more accurate one."""
    return choice.latency_ms, choice.size_bytes, -choice.accuracy, choice.name


def as_fast(one: Choice, fastest: Choice) -> bool:
    """Tell whether a file is as fast as the fastest one, but for how far both times may be off."""
    return one.latency_ms <= fastest.latency_ms * (1 + math.hypot(one.spread, fastest.spread))


def as_accurate(one: Choice, best: Choice) -> bool:
    """Tell whether a file is as accurate as the best one, but for chance."""
    if one.accuracy >= best.accuracy:
        return True
    return one.samples == best.samples and mcnemar(one.right, best.right)[2] >= SIGNIFICANT


def milliseconds(text: str) -> float:
    """Return the milliseconds that a text such as "20ms", "0.02s" or "20" says; raise `UsageError` for any other."""
    return _quantity(text, _TIMES, "a time such as 20ms or 0.02s")


def size(text: str) -> float:
    """Return the bytes that a text such as "500k", "0.5MB" or "500000" says; raise `UsageError` for any other."""
    return _quantity(text, _SIZES, "a size such as 500k or 2MB")


def _quantity(text: str, units: dict[str, float], expected: str) -> float:
    parts = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", text.strip().lower())
    amount = float(parts[1]) * units.get(parts[2], 0.0) if parts else 0.0
    if not 0 < amount < math.inf:
        raise UsageError(f"{text[:60]!r} is not {expected}")
    return amount


def _within(choice: Choice, limits: Limits) -> bool:
    """Tell whether a file keeps all limits; memory that is not known keeps none."""
    peak = float("inf") if choice.peak_bytes is None else choice.peak_bytes
    most = ((choice.latency_ms, limits.latency_ms), (choice.size_bytes, limits.size_bytes), (peak, limits.peak_bytes))
    accurate = limits.accuracy is None or choice.accuracy >= limits.accuracy
    return accurate and all(limit is None or value <= limit for value, limit in most)


def _nearest(choices: Sequence[Choice], short: Mapping[str, str]) -> str:
    """Return how good the files are that are best in one thing."""
    keys: dict[str, Callable[[Choice], Any]] = {
        "fastest": _slow,
        "smallest": lambda choice: (choice.size_bytes, _slow(choice)),
    }
    if len({choice.accuracy for choice in choices}) > 1:
        keys["most accurate"] = lambda choice: (-choice.accuracy, _slow(choice))
    best = {word: min(choices, key=key) for word, key in keys.items()}
    return ", ".join(f"the {word} is {short[one.name]} ({_figures(one)})" for word, one in best.items())


def _figures(choice: Choice) -> str:
    return f"{choice.latency_ms:.1f} ms, {choice.size_bytes / 1e6:.2f} MB, accuracy {choice.accuracy:.3f}"
