"""Accuracy against time: every dot where its numbers are, every name beside its dot."""

from __future__ import annotations

import itertools
import re

import pytest

from benchmarks.report.trade_off import Dot, _Frame, trade_off
from tests.toolkit.page.reader import numbers
from toolkit.page.axes import axis


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
    frame = _Frame(axis(0, 1), axis(0, 1), 360)
    edges = (24.0, 0.0, 720.0, 316.0)
    inside = (24.1, 0.1, 719.9, 315.9)
    assert frame.holds(inside)
    assert not frame.holds((*inside[:place], edges[place], *inside[place + 1 :]))  # type: ignore[arg-type]


def test_without_files_there_is_no_plot() -> None:
    assert trade_off([], "x", "y") == ""
