"""The page of a result: whole, needing nothing beside it, and true to the numbers."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.measure.accuracy import Accuracy, Paired, detail
from benchmarks.measure.fresh_process import FreshProcess
from benchmarks.measure.row import Row
from benchmarks.report import svg
from benchmarks.report.page import page
from benchmarks.report.svg import Dot, axis, distributions, stacked, ticks, trade_off
from tests.cards import example_card
from toolkit.measure.latency import Ratio, summarise

VOID = {"meta"}
LABELS = ("high & low", "<b>")
ROUNDS = (tuple(number / 1000 for number in range(5, 25)),) * 8


class Reader(HTMLParser):
    """Collects what a page names, and fails where an element is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["td"]:
            self.cells[-1] += data


def result(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the JSON value of a result."""
    return {
        "title": "Benchmarks",
        "command": "python -m benchmarks '<x>'",
        "machine": {"processor": 'A "fast" one', "cores": "2"},
        "conditions": {"doubts": ["other programs used 30% of the processors meanwhile"]},
        "notes": ["One query at a time."],
        "rows": [asdict(row) for row in rows],
        "front": ["b/model.tflite"],
        "advice": {"name": "b/model.tflite", "reason": "the only file"},
        "warnings": ["NOISY: medians may be off by up to 9%"],
    }


def measured(file: str) -> Row:
    """Return the row of a file that everything is known of."""
    card = example_card(labels=LABELS)
    scores, truth = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32), np.array([0, 1, 1])
    return Row(
        file=file,
        size_bytes=194_000,
        accuracy=Accuracy(3, 2, 2 / 3, (0.21, 0.94)),
        detail=detail(scores, truth, card),
        against_float32=Paired(1, 0, 1, 1.0),
        network=summarise(ROUNDS),
        network_ratio=Ratio(0.65, 0.6, 0.7),
        file_to_label=summarise(ROUNDS),
        stages={"network": 2.0, "post": 0.0, "read": 1.0, "resample": 0.5, "front_end": 0.5, "total": 4.0},
        fresh=FreshProcess(80_000_000, 0.3, 0.2, 0.05),
    )


def test_a_page_is_whole_and_names_nothing_outside_of_it() -> None:
    text = page(result([measured("a/model.tflite"), measured("b/model.tflite"), Row("<i>.onnx", 0, status="a & b")]))
    reader = Reader(text)
    assert not {name for name, _ in reader.attributes} & {"src", "href", "srcset", "data", "action"}
    assert "http" not in text and "url(" not in text and "@import" not in text
    assert "<i>" not in text and "<b>" not in text and "&lt;i&gt;.onnx" in text
    assert "To ship: <strong>b/model.tflite</strong>: the only file." in text
    assert "Doubtful: other programs" in text
    for figure in ("0.667 [0.210, 0.940]", "0.19", "0.65 [0.60, 0.70]", "80", "0.30", "1.00", "14.0"):
        assert figure in reader.cells or any(cell.startswith(figure) for cell in reader.cells)


def test_what_another_file_beats_is_grey_and_two_of_one_name_keep_their_folders() -> None:
    text = page(result([measured("a/model.tflite"), measured("b/model.tflite")]))
    assert text.count('<tr class="dim">') == 1
    assert text.index('<tr class="dim"><td data-v="a/model.tflite">') < text.index('<td data-v="b/model.tflite">')


def test_without_accuracy_there_is_still_a_page() -> None:
    bare = replace(measured("a.tflite"), accuracy=None, detail=None, against_float32=None)
    value = result([bare]) | {"front": [], "advice": {"name": None, "reason": "no file was measured whole"}}
    text = page(value)
    Reader(text)
    assert (
        "To ship" not in text
        and "<details>" not in text
        and 'aria-label="accuracy' not in text
        and 'aria-label="stages"' in text
    )


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


def test_a_slower_file_lies_farther_right_and_a_better_one_higher() -> None:
    dots = [Dot("a", 10, 0.5, 0.4, 0.6, True), Dot("b", 20, 0.7, 0.6, 0.8, False)]
    text = trade_off(dots, "ms", "accuracy")
    (left, right), (low, high) = numbers(text, "cx"), numbers(text, "cy")
    assert left < right and low > high  # y grows downwards


def test_labels_of_neighbours_cover_neither_each_other_nor_a_dot() -> None:
    dots = [Dot(f"gtzanet-number-{n}.tflite", 20 + n / 4, 0.5 + n % 3 / 200, 0.43, 0.57, n % 2 == 0) for n in range(14)]
    dots.append(Dot("far.tflite", 170, 0.5, 0.43, 0.57, True))
    text = trade_off(dots, "ms", "accuracy")
    labels = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(start|end)"[^>]*>([^<]*tflite)<', text)
    boxes = []
    for x, y, anchor, label in labels:
        width = 6.9 * len(label)
        left = float(x) - (width if anchor == "end" else 0)
        boxes.append((left, float(y) - 10, left + width, float(y) + 3))
    assert len(boxes) == len(dots) and all(left > 0 and right < 720 for left, _, right, _ in boxes)
    circles = [(x - 5, y - 5, x + 5, y + 5) for x, y in zip(numbers(text, "cx"), numbers(text, "cy"), strict=True)]
    for one, other in [*itertools.combinations(boxes, 2), *itertools.product(boxes, circles)]:
        assert not (one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])
    assert text == trade_off(dots, "ms", "accuracy")


def leads(text: str) -> list[tuple[float, ...]]:
    """Return the ends of the lines from dots to labels: x1, y1, x2, y2."""
    ends = re.findall(r'<line class="lead" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', text)
    return [tuple(map(float, line)) for line in ends]


def test_a_line_leads_from_a_dot_to_a_label_that_is_not_beside_it() -> None:
    assert leads(trade_off([Dot("a", 10, 0.5, 0.4, 0.6, True)], "ms", "accuracy")) == []
    dots = [Dot(f"name-{n} of a file", 20 + n / 4, 0.5 + n % 3 / 200, 0.43, 0.57, True) for n in range(14)]
    text = trade_off([*dots, Dot("far", 170, 0.5, 0.43, 0.57, True)], "ms", "accuracy")
    circles = set(zip(numbers(text, "cx"), numbers(text, "cy"), strict=True))
    labels = {(float(x), float(y) - 4) for x, y in re.findall(r'<text x="([\d.]+)" y="([\d.]+)" [^>]*>name-', text)}
    assert len(leads(text)) >= 5
    for x1, y1, x2, y2 in leads(text):
        assert (x1, y1) in circles and (x2, y2) in labels


def test_dots_and_marks_are_where_their_values_are() -> None:
    """The axes begin at 60 of 720 and 316 of 360, and end at 700 and 16."""
    text = trade_off([Dot("a", 4, 0.5, 0.4, 0.6, True), Dot("b", 10, 0.6, 0.5, 0.6, True)], "ms", "accuracy")
    assert numbers(text, "cx") == [60 + 640 * 4 / 10, 700]
    assert numbers(text, "cy") == [16 + 300 / 2, 16]
    assert re.findall(r'class="front" points="([^"]*)"', text) == ["316.0,166.0 700.0,166.0 700.0,16.0 700,16.0"]
    marks = re.findall(r'<text x="([\d.]+)" y="334.0" text-anchor="middle" >([^<]*)<', text)
    assert marks == [("60.0", "0"), ("188.0", "2"), ("316.0", "4"), ("444.0", "6"), ("572.0", "8"), ("700.0", "10")]


@pytest.mark.parametrize("place", range(4))
def test_a_label_keeps_to_the_plot(place: int) -> None:
    frame = svg._Frame(svg.axis(0, 1), svg.axis(0, 1), 360)
    edges = (24.0, 0.0, 720.0, 316.0)
    inside = (24.1, 0.1, 719.9, 315.9)
    assert frame.holds(inside)
    assert not frame.holds((*inside[:place], edges[place], *inside[place + 1 :]))  # type: ignore[arg-type]


def test_a_distribution_lies_where_its_percentiles_are() -> None:
    text = distributions({"one": [50 + share / 2 for share in range(101)]}, "ms")
    start, width = 210, 720 - 210 - 20
    (box,) = re.findall(r'<rect class="s1" x="([\d.]+)" y="18.0" width="([\d.]+)"', text)
    assert tuple(map(float, box)) == pytest.approx((start + 0.55 * width, 0.4 * width), abs=0.06)
    ends = r'x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"'
    (median,) = re.findall(f'<line class="median" {ends}', text)
    assert tuple(map(float, median)) == pytest.approx((start + 0.75 * width, 16, start + 0.75 * width, 32), abs=0.06)
    (whisker,) = re.findall(f'<g class="dot"><line class="" {ends}', text)
    assert tuple(map(float, whisker)) == pytest.approx((start + 0.505 * width, 24, start + 0.995 * width, 24), abs=0.06)
    assert "one: p10 55.0, p50 75.0, p90 95.0, p99 99.5 ms" in text
    for rows in (1, 3):
        text = distributions(dict.fromkeys(map(str, range(rows)), [float(share) for share in range(101)]), "ms")
        bottom = 16 + 22 * rows
        assert set(re.findall(r'<line class="grid" x1="[\d.]+" y1="10.0" x2="[\d.]+" y2="([\d.]+)"', text)) == {
            f"{bottom}.0"
        }
        assert re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>ms</text>', text) == [f"{bottom + 38}.0"]


def test_logarithmic_marks_are_one_two_and_five() -> None:
    assert axis(3, 90).marks == (2, 5, 10, 20, 50, 100)
    assert axis(3, 90).share(20) == pytest.approx(math.log(10) / math.log(50))


def test_parts_that_took_no_time_have_no_width() -> None:
    assert numbers(stacked({"one": {"read": 0.0, "network": 0.0}}, "ms"), "width")[:2] == [0, 0]


def numbers(text: str, attribute: str) -> list[float]:
    """Return the values of all attributes of a name."""
    return [float(value) for name, value in Reader(text).attributes if name == attribute and value]


def test_bars_are_as_long_as_their_parts() -> None:
    text = stacked({"one": {"read": 1.0, "network": 3.0}, "two": {"read": 2.0, "network": 6.0}}, "ms")
    short, long, *others = numbers(text, "width")[:4]
    assert long == pytest.approx(3 * short, abs=0.2)
    assert sum(others) == pytest.approx(2 * (short + long), abs=0.3)


def test_without_files_there_is_no_plot() -> None:
    assert trade_off([], "x", "y") == stacked({}, "ms") == distributions({}, "ms") == ""
