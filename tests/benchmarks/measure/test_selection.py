"""What to ship: the Pareto front on synthetic points is exact, and the advice follows its rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure.selection import Choice, Limits, advise, as_accurate, front, milliseconds, size
from toolkit.errors import UsageError


def choice(
    name: str,
    right: int,
    latency: float,
    size: int,
    peak: int | None = None,
    n: int = 100,
    samples: str = "validation",
    spread: float = 0.0,
) -> Choice:
    """Return a file that is right on the first so many of n samples."""
    return Choice(name, right / n, latency, size, peak, np.arange(n) < right, samples, spread)


SYNTHETIC = [
    choice("float32", 46, 6.0, 700),
    choice("float16", 46, 6.0, 350),
    choice("int8", 45, 9.0, 190),
    choice("dynamic", 45, 7.0, 190),
    choice("worse", 40, 8.0, 200),
]


def test_the_front_of_synthetic_points_is_exact() -> None:
    assert front(SYNTHETIC) == {"float16", "dynamic"}


def test_equal_files_stay_both() -> None:
    assert front([choice("a", 50, 5, 100), choice("b", 50, 5, 100)]) == {"a", "b"}


def test_memory_counts_only_where_both_are_known() -> None:
    slow = choice("slow", 50, 6, 100, peak=10)
    assert front([choice("quick", 50, 5, 100, peak=20), slow]) == {"quick", "slow"}
    assert front([choice("quick", 50, 5, 100), slow]) == {"quick"}
    assert front([choice("quick", 50, 5, 100, peak=20), choice("slow", 50, 6, 100)]) == {"quick"}


points = st.lists(
    st.tuples(st.integers(0, 4), st.integers(1, 4), st.integers(1, 4), st.none() | st.integers(1, 3)), max_size=8
)


def beats(other: tuple[int, int, int, int | None], one: tuple[int, int, int, int | None]) -> bool:
    """Return whether a point (right, latency, size, peak) is nowhere worse than another one, and somewhere better."""
    gains = [other[0] - one[0], one[1] - other[1], one[2] - other[2]]
    if other[3] is not None and one[3] is not None:
        gains.append(one[3] - other[3])
    return min(gains) >= 0 and max(gains) > 0


@given(points)
def test_what_is_left_out_is_beaten_and_what_stays_is_not(values: list[tuple[int, int, int, int | None]]) -> None:
    kept = front([choice(str(number), *point) for number, point in enumerate(values)])
    assert kept == {str(at) for at, one in enumerate(values) if not any(beats(other, one) for other in values)}


def test_the_fastest_of_those_that_are_as_accurate_is_advised() -> None:
    assert advise(SYNTHETIC, Limits()).name == "float16"  # as fast as float32, and smaller
    advice = advise(SYNTHETIC, Limits(latency_ms=20, size_bytes=200))
    assert (
        advice.name == "dynamic" and "20 ms, 0.0002 MB on the disk" in advice.reason and "of 3 files" in advice.reason
    )


def test_a_faster_file_that_is_less_accurate_by_more_than_chance_is_not_advised() -> None:
    best, quick, near = choice("best", 60, 9, 1), choice("quick", 40, 1, 1), choice("near", 58, 5, 1)
    assert not as_accurate(quick, best) and as_accurate(near, best)
    advice = advise([best, quick, near], Limits())
    assert advice.name == "near" and "best is right on 2.0% more, which may be chance" in advice.reason


def test_of_files_that_are_equally_fast_but_for_chance_the_smallest_is_advised() -> None:
    quick, small = choice("quick", 50, 6.0, 700, spread=0.03), choice("small", 50, 6.2, 190, spread=0.03)
    advice = advise([quick, small, choice("slow", 50, 6.5, 100)], Limits())
    assert advice.name == "small" and "as fast as the fastest of them, but for chance (quick, 6.0 ms)" in advice.reason
    sure = [choice(one.name, 50, one.latency_ms, one.size_bytes, spread=0.01) for one in (quick, small)]
    assert advise(sure, Limits()).name == "quick"


def test_nobody_is_called_most_accurate_where_all_are_equally() -> None:
    reason = advise([choice("a", 50, 6, 700), choice("b", 50, 5, 800)], Limits(latency_ms=1)).reason
    assert "fastest is b" in reason and "smallest is a" in reason and "most accurate" not in reason


def test_other_samples_cannot_excuse_a_lower_accuracy() -> None:
    best, near = choice("best", 60, 9, 1), choice("near", 58, 5, 1, samples="test")
    assert advise([best, near], Limits()).name == "best"


def test_no_file_within_the_limits_names_what_there_is() -> None:
    advice = advise(SYNTHETIC, Limits(latency_ms=1))
    assert advice.name is None
    assert (
        "no file is within 1 ms" in advice.reason
        and "the smallest is dynamic (7.0 ms, 0.00 MB, accuracy 0.450)" in advice.reason
    )
    assert advise(SYNTHETIC, Limits(peak_bytes=1e9)).name is None  # memory that nobody measured keeps no limit
    assert advise([], Limits()).name is None


def test_an_accuracy_may_be_required() -> None:
    assert advise(SYNTHETIC, Limits(accuracy=0.46)).name == "float16"
    assert advise(SYNTHETIC, Limits(accuracy=0.47)).name is None


@pytest.mark.parametrize(
    ("text", "value"), [("20ms", 20), ("0.02s", 20), (" 20 ", 20), ("500us", 0.5), ("1.5 S", 1500)]
)
def test_times(text: str, value: float) -> None:
    assert milliseconds(text) == pytest.approx(value)


@pytest.mark.parametrize(("text", "value"), [("500k", 5e5), ("0.5MB", 5e5), ("500000", 5e5), (".5m", 5e5), ("1g", 1e9)])
def test_sizes(text: str, value: float) -> None:
    assert size(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "ms", "-5ms", "5 apples", "1e3", "nan", "inf", "9" * 400, "0", "0ms", "5mss"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    for read in (milliseconds, size):
        with pytest.raises(UsageError, match="is not a"):
            read(text)
