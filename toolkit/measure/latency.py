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

from toolkit.measure.intervals import Interval, median_interval_rank, quantile_interval

Task = Callable[[int], object]
"""Answers query number i (0, 1, 2, ...); what it returns is ignored."""

Rounds = tuple[tuple[float, ...], ...]
"""Seconds of every counted query, one tuple a round."""


FEWEST_ROUNDS = 6
"""The whole range of so many values is a 95 % interval of their median."""


@dataclass(frozen=True)
class TimingPlan:
    """How much to measure: every task gets rounds until it has `min_count` queries that took `min_seconds` together.

    `warmup` queries a task go before; a burst lasts `burst_seconds` and has `burst_count` queries at least. While a
    task's rounds differ so much that the interval of their median is wider than `precision` of it, to either side, all
    go on, until that task has taken `most` times `min_seconds`; there are `FEWEST_ROUNDS` at least, without which there
    is no such interval, in shorter bursts where `min_seconds` are few. 0 means no precision.
    """

    min_seconds: float = 10.0
    min_count: int = 100
    warmup: int = 5
    burst_seconds: float = 0.25
    burst_count: int = 3
    precision: float = 0.0
    most: float = 4.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_seconds) and self.min_seconds >= 0 and self.burst_seconds >= 0):
            raise ValueError("a plan's durations must be finite and not negative")
        if self.min_count < 1 or self.burst_count < 1 or self.warmup < 0:
            raise ValueError("a plan needs at least one query a task and a burst")
        if not (0 <= self.precision < 1 and self.most >= 1):
            raise ValueError("a plan's precision must be a share, and the most it measures no less than the least")

    @property
    def burst(self) -> float:
        """Seconds of a burst."""
        return min(self.burst_seconds, self.min_seconds / FEWEST_ROUNDS) if self.precision else self.burst_seconds


@dataclass(frozen=True)
class Latency:
    """Of `count` queries, `seconds` in all: mean and nearest-rank percentiles in milliseconds, these with intervals.

    `percentiles_ms` are those of 0 to 100 %. `spread` is how far the median may be off, as a share of it: half the 95 %
    interval of the median of the rounds' medians.
    """

    count: int
    seconds: float
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p50_95: Interval = (None, None)
    p90_95: Interval = (None, None)
    p99_95: Interval = (None, None)
    spread: float = 0.0
    percentiles_ms: tuple[float, ...] = ()


@dataclass(frozen=True)
class Ratio:
    """A task's time divided by the reference's: median over the rounds, with a 95 % interval of that median."""

    median: float
    low: float
    high: float


def measure(
    tasks: Mapping[str, Task],
    plan: TimingPlan = TimingPlan(),
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[float], None] | None = None,
    begun: Sequence[Mapping[str, Sequence[float]]] = (),
    after_round: Callable[[Mapping[str, Sequence[float]]], None] | None = None,
) -> dict[str, Rounds]:
    """Time every task and return its rounds.

    Parameters
    ----------
    tasks
        What to time, by name. All get the same number of rounds, so round i of one compares with round i of another.
    clock
        Returns seconds; only differences count.
    progress
        Called after a round with the share done, 0 to 1, where that is more than before: 0.99 while the rounds that
        were planned are done, and do not agree yet.
    begun
        Rounds that were measured before, each with the seconds of every task's queries; these go on from there.
    after_round
        Called after every round with the same.
    """
    rounds: dict[str, list[tuple[float, ...]]] = {name: [tuple(past[name]) for past in begun] for name in tasks}
    queries = {name: _Queries(task, clock) for name, task in tasks.items()}
    for task_queries in queries.values():
        task_queries.warm_up(plan)
    names, reported_share = list(tasks), 0.0
    while _share(rounds, plan) < 1:
        for name in names:
            rounds[name].append(queries[name].burst(plan))
        names.reverse()
        if after_round is not None:
            after_round({name: rounds[name][-1] for name in tasks})
        share = _share(rounds, plan)
        if progress is not None and share > reported_share:
            progress(share)
            reported_share = share
    return {name: tuple(times) for name, times in rounds.items()}


class _Queries:
    """The numbered queries of one task, timed one at a time."""

    def __init__(self, task: Task, clock: Callable[[], float]) -> None:
        self._task, self._clock = task, clock
        self._number = 0

    def warm_up(self, plan: TimingPlan) -> None:
        """Run the queries that go before all rounds."""
        for _ in range(plan.warmup):
            self._seconds()

    def burst(self, plan: TimingPlan) -> tuple[float, ...]:
        """Return the seconds of a burst's counted queries: all but the first."""
        self._seconds()
        times: list[float] = []
        while len(times) < plan.burst_count or sum(times) < plan.burst:
            times.append(self._seconds())
        return tuple(times)

    def _seconds(self) -> float:
        """Run the next query and return its seconds."""
        start = self._clock()
        self._task(self._number)
        seconds = self._clock() - start
        self._number += 1
        return seconds


def _share(rounds: Mapping[str, Sequence[Sequence[float]]], plan: TimingPlan) -> float:
    """Return how much of the plan is fulfilled, 0 to 1; 0.99 at most while tasks' rounds do not agree as it wants."""
    done = min((_done(past, plan) for past in rounds.values()), default=1.0)
    return min(done, 1.0 if all(_settled(past, plan) for past in rounds.values()) else 0.99)


def _done(rounds: Sequence[Sequence[float]], plan: TimingPlan) -> float:
    """Return the share of the plan that these rounds fulfil; 1 or more when it is fulfilled."""
    count, seconds = sum(map(len, rounds)), sum(map(sum, rounds))
    return min(count / plan.min_count, seconds / plan.min_seconds if plan.min_seconds else 1.0)


def _settled(rounds: Sequence[Sequence[float]], plan: TimingPlan) -> bool:
    """Return whether a task's rounds agree as the plan wants, or have gone on for as long as it allows."""
    if plan.precision == 0:
        return True
    if len(rounds) < FEWEST_ROUNDS:
        return False
    return spread(rounds) <= plan.precision or sum(map(sum, rounds)) >= plan.most * plan.min_seconds


def spread(rounds: Sequence[Sequence[float]]) -> float:
    """Return half the 95 % interval of the median of the rounds' medians, as a share of it."""
    medians = sorted(float(np.median(times)) for times in rounds)
    skip = median_interval_rank(len(medians))
    return (medians[-1 - skip] - medians[skip]) / 2 / float(np.median(medians))


def clock_seconds(clock: Callable[[], float] = time.perf_counter, count: int = 1001) -> float:
    """Return what reading the clock takes, which every measured query holds once: the median of `count` pairs."""
    return float(np.median([-(clock() - clock()) for _ in range(count)]))


def summarise(rounds: Rounds) -> Latency:
    """Return count, mean and percentiles of all queries. A percentile is the nearest rank: a time that was measured."""
    times = np.sort(list(chain.from_iterable(rounds)))
    p50, p90, p99 = (float(value) for value in np.percentile(times, (50, 90, 99), method="inverted_cdf") * 1e3)
    within = [quantile_interval(times * 1e3, share) for share in (0.5, 0.9, 0.99)]
    return Latency(
        count=len(times),
        seconds=float(times.sum()),
        mean_ms=float(times.mean() * 1e3),
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p50_95=within[0],
        p90_95=within[1],
        p99_95=within[2],
        spread=spread(rounds),
        percentiles_ms=tuple((np.percentile(times, range(101), method="inverted_cdf") * 1e3).tolist()),
    )


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
