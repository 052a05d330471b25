"""Charts show their numbers: lengths, places, colours, and what a screen reader reads."""

from __future__ import annotations

import re

import pytest

from tests.toolkit.page.reader import Reader
from toolkit.page.charts import SERIES, bars, columns, distributions, heat_map, legend, series, stacked


def test_a_distribution_lies_where_its_percentiles_are() -> None:
    """The axis goes from 0 to 100: half of the way to 50."""
    text = distributions({"one": [50 + share / 2 for share in range(101)]}, "ms", "times")
    assert re.findall(r'<rect class="box" x="([\d.]+)%" y="19.0" width="([\d.]+)%"', text) == [("55.000", "40.000")]
    ends = r'x1="([\d.]+)%" y1="([\d.]+)" x2="([\d.]+)%" y2="([\d.]+)"'
    assert re.findall(f'<line class="median" {ends}', text) == [("75.000", "17.0", "75.000", "33.0")]
    assert re.findall(f'<g class="dot"><line class="" {ends}', text) == [("50.500", "25.0", "99.500", "25.0")]
    assert "one: p10 55.0, p50 75.0, p90 95.0, p99 99.5 ms" in text and ">75.0 ms</text>" in text
    for rows in (1, 3):
        text = distributions(dict.fromkeys("abc"[:rows], [float(share) for share in range(101)]), "ms", "times")
        assert set(re.findall(r'<line class="grid" [^>]*y2="([\d.]+)"', text)) == {f"{42 * rows}.0"}
        assert f'height="{42 * rows + 24}"' in text
        names = re.findall(r'<text x="0.0" y="([\d.]+)"[^>]*>[abc]<', text)
        assert names == [f"{42 * row + 13}.0" for row in range(rows)]


def test_parts_are_as_long_as_their_values_one_behind_the_other() -> None:
    text = stacked({"one": {"read": 1.0, "network": 3.0}, "two": {"read": 2.0, "network": 6.0}}, "ms", "times")
    parts = re.findall(r'<rect class="part s(\d)" x="([\d.]+)%" y="([\d.]+)" width="([\d.]+)%"', text)
    assert parts == [
        ("0", "0.000", "18.0", "12.500"),
        ("1", "12.500", "18.0", "37.500"),
        ("0", "0.000", "60.0", "25.000"),
        ("1", "25.000", "60.0", "75.000"),
    ]
    assert ">4.0 ms</text>" in text and ">8.0 ms</text>" in text
    nothing = stacked({"one": {"read": 0.0, "network": 0.0}}, "ms", "times")
    assert re.findall(r'width="([\d.]+)%"', nothing) == ["0.000", "0.000"]


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
