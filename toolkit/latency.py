"""How long one query takes, measured as MLPerf's SingleStream does: one at a time, the next when the last is answered.

Tasks to be compared are interleaved. A round gives every task a short burst, in an order that is reversed every other
round, so that a machine that slows down (heat, other work) slows all tasks alike. The first query of a burst is not
counted: it finds the caches full of the previous task's data.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

Task = Callable[[int], object]
"""Answers query number i (0, 1, 2, ...); what it returns is ignored."""

Rounds = tuple[tuple[float, ...], ...]
"""Seconds of every counted query, one tuple a round."""


@dataclass(frozen=True)
class Plan:
    """How much to measure: every task gets rounds until it has `min_count` queries that took `min_seconds` together.

    `warmup` queries a task go before; a burst lasts `burst_seconds` and has `burst_count` queries at least.
    """

    min_seconds: float = 10.0
    min_count: int = 100
    warmup: int = 5
    burst_seconds: float = 0.25
    burst_count: int = 3

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_seconds) and self.min_seconds >= 0 and self.burst_seconds >= 0):
            raise ValueError("a plan's durations must be finite and not negative")
        if self.min_count < 1 or self.burst_count < 1 or self.warmup < 0:
            raise ValueError("a plan needs at least one query a task and a burst")


@dataclass(frozen=True)
class Latency:
    """Of `count` queries, `seconds` in all: mean and nearest-rank percentiles in milliseconds."""

    count: int
    seconds: float
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Ratio:
    """A task's time divided by the reference's: median over the rounds, with a 95 % interval of that median."""

    median: float
    low: float
    high: float


def measure(
    tasks: Mapping[str, Task],
    plan: Plan = Plan(),
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Rounds]:
    """Time every task and return its rounds.

    Parameters
    ----------
    tasks
        What to time, by name. All get the same number of rounds, so round i of one compares with round i of another.
    clock
        Returns seconds; only differences count.
    progress
        Called after every round with the share done, 0 to 1.
    """
    asked = dict.fromkeys(tasks, 0)
    rounds: dict[str, list[tuple[float, ...]]] = {name: [] for name in tasks}

    def query(name: str) -> float:
        start = clock()
        tasks[name](asked[name])
        seconds = clock() - start
        asked[name] += 1
        return seconds

    def burst(name: str) -> tuple[float, ...]:
        query(name)
        times: list[float] = []
        while len(times) < plan.burst_count or sum(times) < plan.burst_seconds:
            times.append(query(name))
        return tuple(times)

    for name in tasks:
        for _ in range(plan.warmup):
            query(name)
    names = list(tasks)
    while (done := min((_done(rounds[name], plan) for name in names), default=1.0)) < 1:
        for name in names:
            rounds[name].append(burst(name))
        names.reverse()
        if progress is not None:
            progress(min(1.0, max(done, min(_done(rounds[name], plan) for name in names))))
    return {name: tuple(times) for name, times in rounds.items()}


def _done(rounds: Sequence[Sequence[float]], plan: Plan) -> float:
    """Return the share of the plan that these rounds fulfil; 1 or more when it is fulfilled."""
    count, seconds = sum(map(len, rounds)), sum(map(sum, rounds))
    return min(count / plan.min_count, seconds / plan.min_seconds if plan.min_seconds else 1.0)


def summarise(rounds: Rounds) -> Latency:
    """Return count, mean and percentiles of all queries. A percentile is the nearest rank: a time that was measured."""
    times = np.array(list(chain.from_iterable(rounds)))
    p50, p90, p99 = np.percentile(times, (50, 90, 99), method="inverted_cdf") * 1e3
    return Latency(len(times), float(times.sum()), float(times.mean() * 1e3), float(p50), float(p90), float(p99))


def ratio(rounds: Rounds, reference: Rounds) -> Ratio:
    """Return how much longer a task takes than the reference task that was measured in the same rounds.

    A round's ratio is the quotient of the two medians. The interval is between order statistics of the ratios, chosen
    by the binomial distribution (distribution-free); under six rounds it is the whole range.

    Raises
    ------
    ValueError
        If the two were not measured in the same rounds.
    """
    if len(rounds) != len(reference) or not rounds:
        raise ValueError(f"{len(rounds)} and {len(reference)} rounds: measure both tasks in one call")
    ratios = sorted(float(np.median(a) / np.median(b)) for a, b in zip(rounds, reference, strict=True))
    skip = median_interval_rank(len(ratios))
    return Ratio(float(np.median(ratios)), ratios[skip], ratios[-1 - skip])


def median_interval_rank(n: int) -> int:
    """Return how many of n sorted values to leave out at each end for the median's 95 % interval (0 where n < 6)."""
    tail, rank = 0.0, 0
    while (tail := tail + math.comb(n, rank) / 2**n) <= 0.025:
        rank += 1
    return max(0, rank - 1)
