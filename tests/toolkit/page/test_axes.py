"""Axes have round numbers and hold their values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.page.axes import axis, ticks


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_are_round_and_enclose(low: float, width: float) -> None:
    marks = ticks(low, low + width)
    slack = 1e-6 * max(abs(low), abs(low + width), 1e-6)
    assert marks[0] <= low + slack and marks[-1] >= low + width - slack
    assert 2 <= len(marks) <= 9
    steps = np.diff(marks)
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-6)


@given(st.floats(0.01, 1e4), st.floats(1.01, 1e4))
@example(9999.999999999998, 9.0)
def test_an_axis_holds_its_values_and_is_logarithmic_where_they_are_far_apart(low: float, factor: float) -> None:
    high = low * factor
    line = axis(low, high)
    assert line.logarithmic == (8 * low < high)
    assert list(line.marks) == sorted(set(line.marks)) and line.marks[0] <= low and line.marks[-1] >= high * 0.9999
    assert 0 <= line.share(low) < line.share(math.sqrt(low * high)) < line.share(high) <= 1
    assert line.share(line.marks[0]) == 0 and line.share(line.marks[-1]) == 1 == line.share(line.marks[-1] * 9)
    if line.logarithmic:
        assert line.share(math.sqrt(low * high)) == pytest.approx((line.share(low) + line.share(high)) / 2)


def test_ticks_of_known_ranges() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.58, 0.72) == pytest.approx([0.55, 0.6, 0.65, 0.7, 0.75])
    assert ticks(5, 5)[0] <= 5 <= ticks(5, 5)[-1]


def test_logarithmic_marks_are_one_two_and_five() -> None:
    assert axis(3, 90).marks == (2, 5, 10, 20, 50, 100)
    assert axis(3, 90).share(20) == pytest.approx(math.log(10) / math.log(50))
