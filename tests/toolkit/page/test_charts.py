"""Charts show their numbers: lengths, places, colours, and what a screen reader reads."""

from __future__ import annotations

import re

import pytest

from tests.toolkit.page.reader import Reader, numbers
from toolkit.page.charts import SERIES, bars, columns, distributions, heat_map, legend, series, stacked


def test_a_distribution_lies_where_its_percentiles_are() -> None:
    text = distributions({"one": [50 + share / 2 for share in range(101)]}, "ms", "times")
    start, width = 210, 720 - 210 - 20
    (box,) = re.findall(r'<rect class="box" x="([\d.]+)" y="18.0" width="([\d.]+)"', text)
    assert tuple(map(float, box)) == pytest.approx((start + 0.55 * width, 0.4 * width), abs=0.06)
    ends = r'x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"'
    (median,) = re.findall(f'<line class="median" {ends}', text)
    assert tuple(map(float, median)) == pytest.approx((start + 0.75 * width, 16, start + 0.75 * width, 32), abs=0.06)
    (whisker,) = re.findall(f'<g class="dot"><line class="" {ends}', text)
    assert tuple(map(float, whisker)) == pytest.approx((start + 0.505 * width, 24, start + 0.995 * width, 24), abs=0.06)
    assert "one: p10 55.0, p50 75.0, p90 95.0, p99 99.5 ms" in text
    for rows in (1, 3):
        text = distributions(
            dict.fromkeys(map(str, range(rows)), [float(share) for share in range(101)]), "ms", "times"
        )
        bottom = 16 + 22 * rows
        assert set(re.findall(r'<line class="grid" x1="[\d.]+" y1="10.0" x2="[\d.]+" y2="([\d.]+)"', text)) == {
            f"{bottom}.0"
        }
        assert re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>ms</text>', text) == [f"{bottom + 38}.0"]


def test_parts_that_took_no_time_have_no_width() -> None:
    assert numbers(stacked({"one": {"read": 0.0, "network": 0.0}}, "ms", "times"), "width")[:2] == [0, 0]


def test_bars_are_as_long_as_their_parts() -> None:
    text = stacked({"one": {"read": 1.0, "network": 3.0}, "two": {"read": 2.0, "network": 6.0}}, "ms", "times")
    short, long, *others = numbers(text, "width")[:4]
    assert long == pytest.approx(3 * short, abs=0.2)
    assert sum(others) == pytest.approx(2 * (short + long), abs=0.3)


def test_a_horizontal_bar_is_as_long_as_its_share_of_the_most() -> None:
    text = bars([("<rock>", 8, "8 (80%)"), ("jazz", 2, "2 (20%)"), ("none", 0, "0")])
    assert re.findall(r"width:([\d.]+)%", text) == ["100.00", "25.00", "0.00"]
    assert Reader(text).cells == ["<rock>", "", "8 (80%)", "jazz", "", "2 (20%)", "none", "", "0"]
    assert bars([("all", 0, "0")]).count("width:0.00%") == 1


def test_columns_stand_on_the_axis_side_by_side() -> None:
    text = columns([("a < b", 5), ("c", 10), ("d", 0)], [(0.0, "one"), (0.5, "two"), (1.0, "three")], 'the "title"')
    reader = Reader(text)
    shapes = re.findall(r'<rect class="column" x="([\d.]+)%" y="([\d.]+)" width="([\d.]+)%" height="([\d.]+)"', text)
    lefts, tops, widths, heights = zip(*(map(float, shape) for shape in shapes), strict=True)
    assert heights == (88, 176, 0) and all(top + tall == 196 for top, tall in zip(tops, heights, strict=True))
    assert [left + width / 2 for left, width in zip(lefts, widths, strict=True)] == pytest.approx(
        [100 / 6, 50, 500 / 6], abs=0.01
    )
    assert "<title>a &lt; b</title>" in text and reader.values("aria-label") == ['the "title"']
    below = re.findall(r'<text x="([\d.]+)%" y="214.0" text-anchor="(\w+)" >(\w+)<', text)
    assert below == [("0.000", "start", "one"), ("50.000", "middle", "two"), ("100.000", "end", "three")]
    levels = re.findall(r'<text x="0.0" y="([\d.]+)" text-anchor="start" >(\d+)<', text)
    assert levels[0] == ("192.0", "0") and levels[-1] == ("16.0", "10")
    assert ">1</text>" in columns([("quiet hour", 0)], [], "x")


def test_a_heat_map_is_a_table_whose_cells_are_as_strong_as_their_share() -> None:
    text = heat_map("true", ["a", "<b>"], [("a", [3, 1]), ("<b>", [0, 0])], "confusions")
    assert re.findall(r"--share: (\d+)%", text) == ["75", "25", "0", "0"]
    assert Reader(text).cells == ["3", "1", "", ""]
    assert re.findall(r"--share: (\d+)%", heat_map("day", ["0"], [("Mon", [3]), ("Tue", [6])], "x", 6)) == ["50", "100"]
    assert text.count('<th scope="row">') == 2 and text.count('<th scope="col">') == 3 and "<b>" not in text


def test_every_name_has_the_colour_of_its_series() -> None:
    assert re.findall(r'<li class="(\w+)">(\w+)<', legend("abcdefghi")) == [
        (series(place % SERIES), name) for place, name in enumerate("abcdefghi")
    ]
    text = stacked({"one": {"read": 1.0, "front_end": 3.0}}, "ms", "times")
    assert re.findall(r'class="part (\w+)"', text) == re.findall(r'<li class="(\w+)"', text) == ["s0", "s1"]
    assert ">front end</li>" in text


def test_without_values_there_is_no_chart() -> None:
    assert stacked({}, "ms", "x") == distributions({}, "ms", "x") == bars([]) == columns([], [], "x") == ""
