"""The measuring method, tried on tasks whose times are known: the clock is a number that the tasks move on."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from toolkit.measure.intervals import median_interval_rank, quantile_interval
from toolkit.measure.latency import (
    FEWEST_ROUNDS,
    Task,
    TimingPlan,
    clock_seconds,
    measure,
    ratio,
    spread,
    summarise,
)


class FakeClock:
    """A clock that stands still until a task takes its time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def task(self, name: str, seconds: Callable[[int], float]) -> Task:
        """Return a task whose query number i takes `seconds(i)`."""

        def answer(number: int) -> None:
            self.calls.append(name)
            self.now += seconds(number)

        return answer


def test_percentiles_are_nearest_ranks_of_known_times() -> None:
    latency = summarise((tuple(number / 1000 for number in range(100, 0, -1)),))
    assert (latency.count, latency.p50_ms, latency.p90_ms, latency.p99_ms) == pytest.approx((100, 50, 90, 99))
    assert latency.mean_ms == pytest.approx(50.5)
    assert latency.seconds == pytest.approx(5.05)


def test_a_constant_task_is_measured_exactly() -> None:
    clock = FakeClock()
    rounds = measure({"a": clock.task("a", lambda _: 0.02)}, TimingPlan(min_seconds=1, min_count=10), clock=clock)
    latency = summarise(rounds["a"])
    assert latency.p50_ms == latency.p99_ms == pytest.approx(20)
    assert latency.seconds >= 1
    assert latency.seconds < 1 + 0.25 + 2 * 0.02


@pytest.mark.parametrize("plan", [TimingPlan(min_seconds=0, min_count=40), TimingPlan(min_seconds=3, min_count=1)])
def test_every_task_reaches_both_minima(plan: TimingPlan) -> None:
    clock = FakeClock()
    tasks = {"slow": clock.task("slow", lambda _: 0.2), "fast": clock.task("fast", lambda _: 0.001)}
    for rounds in measure(tasks, plan, clock=clock).values():
        latency = summarise(rounds)
        assert latency.count >= plan.min_count
        assert latency.seconds >= plan.min_seconds * (1 - 1e-9)


def test_warm_up_and_the_first_query_of_a_burst_are_not_counted() -> None:
    clock = FakeClock()
    plan = TimingPlan(min_seconds=0, min_count=6, warmup=4, burst_seconds=0, burst_count=3)
    cold = {0, 1, 2, 3, 4, 8}  # four of the warm-up, then the first of each of the two bursts of 1 + 3
    rounds = measure({"a": clock.task("a", lambda i: 9.0 if i in cold else 0.5)}, plan, clock=clock)
    assert rounds["a"] == ((0.5,) * 3,) * 2


def test_tasks_take_turns_in_alternating_order() -> None:
    clock = FakeClock()
    plan = TimingPlan(min_seconds=0, min_count=3, warmup=0, burst_seconds=0, burst_count=1)
    measure({name: clock.task(name, lambda _: 1.0) for name in "abc"}, plan, clock=clock)
    assert "".join(clock.calls[::2]) == "abccbaabc"


def test_ratio_is_not_fooled_by_a_machine_that_slows_down() -> None:
    clock = FakeClock()

    def speed() -> float:  # the machine becomes five times slower in 20 seconds
        return min(5.0, 1 + clock.now / 5)

    tasks = {
        "float32": clock.task("float32", lambda _: 0.010 * speed()),
        "int8": clock.task("int8", lambda _: 0.007 * speed()),
    }
    rounds = measure(tasks, TimingPlan(min_seconds=8, min_count=10), clock=clock)
    int8_ratio = ratio(rounds["int8"], rounds["float32"])
    assert int8_ratio.median == pytest.approx(0.7, rel=0.02)
    assert int8_ratio.low <= int8_ratio.median <= int8_ratio.high
    one_after_the_other = np.median(np.concatenate(rounds["int8"])) / 0.010
    assert abs(one_after_the_other - 0.7) > 0.2


def test_ratio_of_a_task_to_itself_is_one() -> None:
    rounds = ((0.1, 0.2), (0.3,), (0.5, 0.1))
    own_ratio = ratio(rounds, rounds)
    assert (own_ratio.median, own_ratio.low, own_ratio.high) == (1, 1, 1)


def test_ratio_refuses_different_rounds() -> None:
    with pytest.raises(ValueError, match="rounds"):
        ratio(((1.0,),), ((1.0,), (1.0,)))


@pytest.mark.parametrize(("n", "rank"), [(1, 0), (5, 0), (6, 0), (9, 1), (20, 5), (100, 39)])
def test_median_interval_ranks_are_those_of_the_sign_test_tables(n: int, rank: int) -> None:
    assert median_interval_rank(n) == rank


def test_median_interval_covers_the_median_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    n = 25
    skip = median_interval_rank(n)
    samples = np.sort(rng.standard_normal((4000, n)), axis=1)
    covered = float(np.mean((samples[:, skip] <= 0) & (samples[:, n - 1 - skip] >= 0)))
    assert 0.945 <= covered <= 0.985


def test_a_task_sees_every_query_number_once() -> None:
    clock = FakeClock()
    numbers: list[int] = []

    def task(number: int) -> None:
        numbers.append(number)
        clock.now += 0.1

    measure({"a": task}, TimingPlan(min_seconds=0, min_count=20), clock=clock)
    assert numbers == list(range(len(numbers)))


def test_progress_rises_to_one() -> None:
    clock = FakeClock()
    shares: list[float] = []
    measure({"a": clock.task("a", lambda _: 0.1)}, TimingPlan(min_seconds=2), clock=clock, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("seconds", [0.0, 0.2, 1.0])
def test_there_are_enough_rounds_for_an_interval_however_short_the_plan(seconds: float) -> None:
    """One round would have no spread, so that noise would pass for a difference."""
    clock, rng = FakeClock(), np.random.default_rng(0)
    task = clock.task("a", lambda _: float(rng.uniform(0.01, 0.02)))
    rounds = measure({"a": task}, TimingPlan(min_seconds=seconds, min_count=3, precision=0.03), clock=clock)["a"]
    assert len(rounds) >= FEWEST_ROUNDS and spread(rounds) > 0
    assert sum(map(sum, rounds)) < 4 * seconds + FEWEST_ROUNDS * 4 * 0.02


def test_progress_waits_for_rounds_that_agree() -> None:
    clock, rng = FakeClock(), np.random.default_rng(0)
    shares: list[float] = []
    task = clock.task("a", lambda _: float(rng.uniform(0.01, 0.1)))
    measure({"a": task}, TimingPlan(min_seconds=2, precision=0.01), clock=clock, progress=shares.append)
    assert shares == sorted(set(shares)) and shares[-2:] == [0.99, 1]


@pytest.mark.parametrize(
    "bad", [{"min_seconds": -1}, {"min_seconds": float("nan")}, {"min_count": 0}, {"burst_count": 0}, {"warmup": -1}]
)
def test_impossible_plans_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="plan"):
        TimingPlan(**bad)  # type: ignore[arg-type]


def test_nothing_to_measure_ends_at_once() -> None:
    assert measure({}) == {}


@pytest.mark.parametrize(("n", "share", "low", "high"), [(100, 0.5, 40, 61), (20, 0.5, 6, 15)])
def test_quantile_intervals_are_those_of_the_binomial_tables(n: int, share: float, low: int, high: int) -> None:
    assert quantile_interval(np.arange(1, n + 1), share) == (low, high)


@pytest.mark.parametrize(("n", "percent"), [(1000, 99), (137, 90), (500, 50)])
def test_quantile_intervals_leave_out_what_whole_numbers_say(n: int, percent: int) -> None:
    def at_most(count: int) -> Fraction:
        share = Fraction(percent, 100)
        return sum((math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(count + 1)), Fraction())

    low, high = quantile_interval(np.arange(1, n + 1), percent / 100)
    assert low is not None and high is not None
    tail = Fraction(25, 1000)
    assert at_most(int(low) - 1) <= tail < at_most(int(low))
    assert 1 - at_most(int(high) - 1) <= tail < 1 - at_most(int(high) - 2)


def test_what_too_few_values_cannot_tell_is_none() -> None:
    assert quantile_interval([1.0, 2.0, 3.0], 0.5) == (None, None)
    low, high = quantile_interval(np.arange(1, 101), 0.99)
    assert low is not None and high is None


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_known_distribution_is_reported_within_its_interval(share: float) -> None:
    """An engine whose times are drawn from an exponential distribution, over 200 benchmarks."""
    true = -0.010 * np.log(1 - share)
    rng, covered = np.random.default_rng(2), 0
    for _ in range(200):
        clock = FakeClock()
        task = clock.task("engine", lambda _: float(rng.exponential(0.010)))
        summary = summarise(measure({"a": task}, TimingPlan(min_seconds=0, min_count=1000), clock=clock)["a"])
        low, high = {0.5: summary.p50_95, 0.9: summary.p90_95, 0.99: summary.p99_95}[share]
        assert low is not None and high is not None
        covered += low <= 1e3 * true <= high
    assert 0.92 <= covered / 200 <= 1


def test_a_steady_machine_is_measured_for_the_minimum_and_a_noisy_one_for_longer() -> None:
    def seconds(noise: float, most: float) -> float:
        clock, rng = FakeClock(), np.random.default_rng(3)
        level = [1.0]

        def query(number: int) -> float:
            if number % 30 == 0:  # disturbed for a burst or so at a time
                level[0] = 1 + noise * rng.random()
            return 0.01 * level[0]

        plan = TimingPlan(min_seconds=2, min_count=10, precision=0.02, most=most)
        return summarise(measure({"a": clock.task("a", query)}, plan, clock=clock)["a"]).seconds

    assert seconds(0, 10) < 2.3
    assert 2.3 < seconds(0.4, 10) < 20.5
    assert seconds(30, 3) == pytest.approx(6, abs=1)  # never as precise as wanted: the most, and no longer


def test_spread_is_the_share_that_the_median_may_be_off() -> None:
    assert spread([(1.0,), (1.0, 1.0), (1.0,)]) == 0
    assert spread([(0.9,), (1.0,), (1.1,)]) == pytest.approx(0.1)


def test_the_clock_takes_as_long_as_it_takes() -> None:
    readings = iter(range(10_000))
    assert clock_seconds(lambda: 0.5 * next(readings), 11) == 0.5
    assert 0 <= clock_seconds() < 1e-3


@pytest.mark.parametrize("wrong", [{"precision": -0.1}, {"precision": 1.0}, {"most": 0.5}])
def test_a_plan_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="precision"):
        TimingPlan(**wrong)  # type: ignore[arg-type]
