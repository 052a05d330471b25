"""Rows as text."""

from __future__ import annotations

from benchmarks.measure.accuracy import Accuracy, Paired
from benchmarks.measure.fresh_process import FreshProcess
from benchmarks.measure.row import Row
from benchmarks.report.table import HEADERS, cells, filled, markdown, method, plain
from toolkit.measure.latency import Latency, Ratio, TimingPlan

FULL = Row(
    file="some/where/gtzanet-int8.tflite",
    size_bytes=194_000,
    accuracy=Accuracy(199, 104, 104 / 199, (0.4534, 0.591)),
    against_float32=Paired(7, 2, 3, 1.0),
    network=Latency(500, 10.0, 20.1, 20.04, 21.06, 30.0),
    network_ratio=Ratio(0.654, 0.61, 0.7),
    file_to_label=Latency(100, 10.0, 99.0, 98.0, 105.0, 120.0),
    fresh=FreshProcess(84_000_000, 0.731, 0.4, 0.1),
)


def test_every_figure_is_in_its_column() -> None:
    assert dict(zip(HEADERS, cells(FULL, "gtzanet-int8.tflite", {FULL.file}), strict=True)) == {
        "model": "gtzanet-int8.tflite",
        "size MB": "0.19",
        "accuracy [95 %]": "0.523 [0.453, 0.591]",
        "n": "199",
        "vs float32": "7 changed, +2 -3, p = 1.00",
        "network p50/p90/p99 ms": "20.0 / 21.1 / 30.0",
        "x float32 [95 %]": "0.65 [0.61, 0.70]",
        "file to label p50/p90/p99 ms": "98.0 / 105.0 / 120.0",
        "peak MB": "84",
        "fresh start s": "0.73",
        "front": "yes",
        "status": "ok",
    }


def test_what_was_not_measured_is_a_dash() -> None:
    row = cells(Row(file="x.tflite", size_bytes=0, status="cannot be read"), "x.tflite")
    assert row[2:-1] == ("-",) * 9
    assert row[-1] == "cannot be read"


def test_plain_columns_are_aligned() -> None:
    lines = plain(("a", "long name"), [("wide cell", "1"), ("b", "2")]).splitlines()
    assert [line.rindex(last) for line, last in zip(lines, ("long name", "-" * 9, "1", "2"), strict=True)] == [11] * 4


def test_markdown_cells_cannot_end_the_table() -> None:
    lines = markdown(("model", "status"), [("a|b", "two\nlines")]).splitlines()
    assert lines == ["| model | status |", "| --- | --- |", "| a\\|b | two lines |"]


def test_the_method_has_the_figures_of_the_plan() -> None:
    text = " ".join(method(TimingPlan(min_seconds=3, min_count=50), (1,), "a clip", judged=False))
    assert "1 thread," in text
    assert "at least 50 queries and 3 s" in text
    assert "Accuracy" not in text


def test_columns_in_which_nothing_is_known_are_left_out() -> None:
    assert filled(("a", "b", "c"), [("1", "-", "-"), ("2", "-", "3")]) == (("a", "c"), [("1", "-"), ("2", "3")])
