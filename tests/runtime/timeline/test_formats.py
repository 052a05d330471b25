"""Formats: the examples of their specifications come out again, and no name or label breaks a line."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.timeline.arguments import FORMS
from runtime.timeline.events import Event
from runtime.timeline.formats import FORMATS, RAVEN, Document, Timeline
from tests.cards import example_card
from toolkit.frontend.spec import PICTURE

CARD = replace(example_card(), front_end=replace(PICTURE, f_min=125.0, f_max=7_500.0))


def text(form: str, *timelines: Timeline, names: list[str] | None = None) -> str:
    """Return a whole document."""
    document = Document(form, CARD, names or [timeline.name for timeline in timelines])
    return "".join(f"{part}\n" for part in (document.header, *map(document.add, timelines)) if part)


def timeline(*events: Event, name: str = "in/a.wav", seconds: float = 60.0) -> Timeline:
    return Timeline(name, seconds, events, "tiny-float32", ("one doubt",))


def audacity_events(content: str) -> list[Event]:
    """Return the labels of a track: Audacity's manual, "Importing and Exporting Labels", standard format."""
    rows = [line.split("\t", 2) for line in content.splitlines()]
    return [Event(float(start), float(end), label, 0.5) for start, end, label in rows]


def rttm_events(content: str) -> list[tuple[str, Event]]:
    """Return the file and the event of each line: NIST, RT-09 evaluation plan, appendix A."""
    events = []
    for line in content.splitlines():
        kind, file, channel, start, duration, orthography, subtype, name, score, lookahead = line.split()
        assert (kind, channel, orthography, subtype, lookahead) == ("SPEAKER", "1", "<NA>", "<NA>", "<NA>")
        events.append((file, Event(float(start), float(start) + float(duration), name, float(score))))
    return events


def test_the_parser_knows_every_format() -> None:
    assert tuple(FORMATS) == FORMS


def test_audacitys_example() -> None:
    example = (
        "2.150000\t2.150000\tpoint label at 2.15 seconds\n3.400000\t6.100000\tregion label from 3.4 to 6.1 seconds\n"
    )
    assert text("audacity", timeline(*audacity_events(example))) == example


def test_an_rttm_line_as_nist_writes_them() -> None:
    example = "SPEAKER CMU_20020319-1400_d01_NONE 1 130.430 2.350 <NA> <NA> juliet 0.500000 <NA>\n"
    ((file, event),) = rttm_events(example)
    assert text("rttm", timeline(event, name=f"in/{file}.wav")) == example


def test_a_selection_table_as_raven_writes_them() -> None:
    """Raven Pro's columns and order; more of them may follow."""
    first, second = Event(6.123, 7.5, "great tit", 0.75), Event(8.0, 9.0, "wren", 0.5)
    documents = timeline(first), timeline(second, name="in/b.wav")
    rows = list(csv.DictReader(io.StringIO(text("raven", *documents)), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert tuple(rows[0])[:7] == RAVEN
    assert rows[0] == {
        "Selection": "1",
        "View": "Spectrogram 1",
        "Channel": "1",
        "Begin Time (s)": "6.123",
        "End Time (s)": "7.500",
        "Low Freq (Hz)": "125.0",
        "High Freq (Hz)": "7500.0",
        "Annotation": "great tit",
        "Score": "0.750000",
        "Begin Path": "in/a.wav",
        "File Offset (s)": "6.123",
    }
    opened_after = [rows[1][name] for name in ("Selection", "Begin Time (s)", "End Time (s)", "File Offset (s)")]
    assert opened_after == ["2", "68.000", "69.000", "8.000"], "the second file begins where the first one ends"


def test_the_table() -> None:
    lines = text("table", timeline(Event(0, 3725.26, "dog", 0.987), seconds=7200), timeline(seconds=1)).splitlines()
    assert lines == [
        "in/a.wav: 1 event in 2:00:00.0",
        "  0:00:00.0  1:02:05.3   98.7%  dog",
        "in/a.wav: no events in 0:00:01.0",
    ]


def test_a_file_without_events() -> None:
    assert {form: text(form, timeline()).count("\n") for form in FORMS} == {
        "table": 1,
        "json": 1,
        "csv": 1,
        "raven": 1,  # the file, and columns' names
        "audacity": 0,
        "rttm": 0,
    }
    assert json.loads(text("json", timeline())) == {
        "file": "in/a.wav",
        "seconds": 60.0,
        "events": [],
        "model": "tiny-float32",
        "warnings": ["one doubt"],
    }


def test_rttm_calls_files_by_their_stems_where_these_differ() -> None:
    event = Event(0, 1, "dog", 0.5)
    apart, alike = ["in/a.wav", "b.x.flac"], ["in/a.wav", "on/a.flac"]
    for names, expected in (apart, ["a", "b.x"]), (alike, alike):
        files = [file for file, _ in rttm_events(text("rttm", *(timeline(event, name=name) for name in names)))]
        assert files == expected


ODD = "\t\n\r\v\f\x1c\x85\u2028\u00a0 \"',;$\\<\x00\x1b\ud800"
letters = st.sampled_from(ODD) | st.characters(exclude_categories=[])
awkward = st.lists(letters, min_size=1, max_size=12).map("".join)


@given(st.lists(st.tuples(awkward, st.floats(0, 1)), min_size=1, max_size=4), awkward)
@pytest.mark.parametrize("form", FORMS)
def test_no_name_or_label_breaks_a_format(form: str, items: list[Any], name: str) -> None:
    events = [Event(float(at), at + 0.5, label, score) for at, (label, score) in enumerate(items)]
    content = text(form, timeline(*events, name=name))
    content = content.encode("utf-8", "backslashreplace").decode()
    if form == "json":
        (value,) = [json.loads(line) for line in content.removesuffix("\n").split("\n")]
        assert value["file"] == name and [event["label"] for event in value["events"]] == [label for label, _ in items]
        return
    if form == "csv":
        rows = list(csv.reader(io.StringIO(content, newline="")))
        assert len(rows) == 1 + len(items) and {len(row) for row in rows} == {5}
        if not re.search("[\ud800-\udfff]", name + "".join(label for label, _ in items)):
            assert [(row[0], row[3]) for row in rows[1:]] == [(name, label) for label, _ in items]
        return
    lines = content.splitlines()
    heads = {"table": 1, "raven": 1, "audacity": 0, "rttm": 0}[form]
    assert len(lines) == heads + len(items)
    fields = {"audacity": 3, "raven": 11, "rttm": 10}
    if form == "rttm":
        assert len(rttm_events(content)) == len(items)
    elif form != "table":
        assert {line.count("\t") + 1 for line in lines} == {fields[form]}
