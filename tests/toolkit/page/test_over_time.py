"""What is along a clock stands at its time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolkit.page.reader import Reader
from toolkit.page.over_time import Span, strip, time_marks

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()


def test_a_span_lies_where_its_time_is_in_the_colour_of_its_label() -> None:
    spans = [Span(-5, 10, "<dog>", "90%"), Span(10, 15, "rain"), Span(15, 40, "<dog>")]
    text = strip(spans, 0, 20, "the last 20 seconds")
    shapes = re.findall(r'class="part (\w+)" x="([\d.]+)%" y="4.0" width="([\d.]+)%" height="32.0"', text)
    assert shapes == [("s0", "0.000", "50.000"), ("s1", "50.000", "25.000"), ("s0", "75.000", "25.000")]
    assert re.findall(r"<title>([^<]*)</title>", text)[1:] == ["0:10 rain", "0:15 &lt;dog&gt;"]
    assert "&lt;dog&gt; 90%</title>" in text and text.count("<li ") == 2
    assert Reader(text).values("aria-label") == ["the last 20 seconds"]


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (600, ["12:00", "12:02", "12:04", "12:06", "12:08", "12:10"]),
        (20, ["12:00:00", "12:00:05", "12:00:10", "12:00:15", "12:00:20"]),
        (24 * 3600, ["12:00", "18:00", "00:00", "06:00", "12:00"]),
        (4 * 86_400, ["05-02", "05-03", "05-04", "05-05"]),
    ],
)
def test_marks_of_a_clock_are_round(length: float, labels: list[str]) -> None:
    marks = time_marks(NOON, NOON + length, UTC)
    assert [label for _, label in marks] == labels
    for share, label in marks:
        time = datetime.fromtimestamp(NOON + share * length, UTC)
        assert label in time.strftime("%m-%d %H:%M:%S")


def test_days_begin_where_the_clock_is() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    start = datetime(2024, 5, 1, tzinfo=zone).timestamp()
    assert time_marks(start, start + 2 * 86_400, zone)[0] == (0, "00:00")


def test_marks_of_a_file_are_minutes_and_seconds() -> None:
    assert time_marks(0, 30) == [(0, "0:00"), (1 / 3, "0:10"), (2 / 3, "0:20"), (1, "0:30")]
    assert time_marks(0, 300)[-1] == (1, "5:00")


@given(st.floats(0, 2e9), st.floats(1, 1e8), st.sampled_from([-7, 0, 5.5]))
def test_marks_are_few_and_inside(start: float, length: float, hours: float) -> None:
    marks = time_marks(start, start + length, timezone(timedelta(hours=hours)))
    assert len(marks) <= 6 and all(-1e-6 <= share <= 1 + 1e-6 for share, _ in marks)
