"""Listening: gaps, silence, the broker, and labels that do not exclude each other."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.classifier import Classifier
from runtime.prediction import State as Kind
from runtime.serve import listening
from runtime.serve.clips import Clips
from runtime.serve.columns import FLOOR_DB, STEPS_PER_DB, ColumnMaker
from runtime.serve.event_log import EventLog, Selection
from runtime.serve.recorder import Recent, Recorder
from runtime.stream.events import Hop
from runtime.stream.home_assistant import discovery
from runtime.stream.sliding_window import HopResult
from runtime.stream.smoothing import Decision
from runtime.timeline.spans import spans
from tests.cards import example_card
from tests.runtime.serve.conftest import RATE, Served, Stdin, noise, pcm
from toolkit.frontend.spec import PICTURE

LABELS = ("dog", "cat")


class Broker:
    """What stands for the connection to a broker: it notes what it receives."""

    received: list[Any] = []

    def __init__(self, *settings: Any) -> None:
        self.received.append(settings[-1])

    def __enter__(self) -> Broker:
        return self

    def __exit__(self, *_: object) -> None:
        self.received.append("closed")

    def publish(self, text: str) -> None:
        self.received.append(json.loads(text)["state"])

    def set_offline(self) -> None:
        self.received.append("offline")


def test_the_broker_gets_every_hop_and_the_address(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "Publisher", Broker)
    monkeypatch.setattr(sys, "stdin", Stdin(pcm(noise(11))))
    Broker.received = []
    _, state = served("--stream", "--rate", str(RATE), "--hop", "5", "--mqtt", "mqtt://nowhere/hall")
    assert state.ear is not None
    state.ear.listen(print, "http://pi.local:8080/")
    assert Broker.received == ["http://pi.local:8080/", "label", "label", "label", "closed"]


def test_home_assistant_gets_the_address() -> None:
    with_page = discovery("hall", example_card(), address="http://pi:8080/")
    assert {message["device"]["configuration_url"] for message in with_page.values()} == {"http://pi:8080/"}
    assert all("configuration_url" not in message["device"] for message in discovery("hall", example_card()).values())


def test_a_stall_is_shown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            if self.tell() >= len(self.getvalue()):
                time.sleep(1)
            return super().read1(size)

    stdin = Stdin(b"")
    stdin.buffer = Slow(pcm(noise(6)))
    monkeypatch.setattr(sys, "stdin", stdin)
    client, state = served("--stream", "--rate", str(RATE), "--hop", "5", "--stall", "0.2")
    sources: list[str] = []
    monkeypatch.setattr(state.live, "set_source", sources.append)
    assert state.ear is not None
    state.ear.listen(print, None)
    assert "stalled" in sources and sources[-1] == "ended"
    assert client.get("/api/events").json()["events"]


def hops(*labels: str | None) -> list[Hop]:
    """Return hops of a second, of which a window has four: each has one label, several joined by +, or is silence."""
    result = []
    for number, label in enumerate(labels, 1):
        active = tuple(label.split("+")) if label else ()
        scores = tuple(0.75 if name in active else 0.25 for name in LABELS) if label else None
        window = HopResult(float(number), float(min(number, 4)), -20.0, scores, 0.0)
        kind = Kind.LABEL if label else Kind.SILENCE
        first = active[0] if active else None
        result.append(Hop(window, Decision(kind, first, 0.75 if first else None, True, scores, active or None), 0.0))
    return result


def record(events: list[Hop], log: EventLog, clips: Clips | None = None, finish: bool = True) -> None:
    """Let a recorder hear hops, as the ear does."""
    recent = Recent(100, 4.0)
    own = Recorder(log, clips, recent, LABELS, print)

    def heard() -> Any:
        for hop in events:
            recent.push(np.full(100, hop.result.end / 100, np.float32))
            own.hear(hop)
            yield hop

    for span in spans(heard(), 1.0):
        own.add(span)
    if finish:
        own.restart()


def lengths(log: EventLog) -> list[tuple[str, float]]:
    """Return the labels and the lengths of all events, oldest first."""
    return [(event.label, round(event.end - event.start, 1)) for event in reversed(log.newest(Selection()))]


def test_an_event_is_logged_before_its_span_comes() -> None:
    log = EventLog(None)
    events = hops("dog")
    recent = Recent(100, 4.0)
    own = Recorder(log, None, recent, LABELS, print)
    recent.push(np.zeros(100, np.float32))
    own.hear(events[0])
    assert lengths(log) == [("dog", 1.0)]
    assert log.newest(Selection())[0].probability == 0.75


def test_labels_overlap() -> None:
    log = EventLog(None)
    record(hops("dog", "dog+cat", "dog+cat", "cat"), log)
    assert [label for label, _ in lengths(log)] == ["dog", "cat"]
    assert sum(length for _, length in lengths(log)) > 4


def test_a_label_that_no_span_has_is_removed() -> None:
    log = EventLog(None)
    record(hops("dog", "dog", "dog", "dog", None, "cat", "dog", "dog", "dog", "dog"), log)
    assert [label for label, _ in lengths(log)] == ["dog", "dog"]


def test_silence_ends_an_event_and_keeps_its_clip(tmp_path: Path) -> None:
    log, clips = EventLog(None), Clips(tmp_path, 10**6)
    record(hops("dog", "dog", "dog", None, None), log, clips, finish=False)
    (event,) = log.newest(Selection())
    assert event.clip is not None and clips.path(event.clip) is not None
    assert (tmp_path / event.clip).stat().st_size == 2 * 300 + 44


def test_a_full_disk_loses_a_clip_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Clips, "save", full)
    log = EventLog(None)
    record(hops("dog", "dog", None, None), log, Clips(tmp_path, 10**6))
    assert lengths(log) == [("dog", 2.0)]


def test_a_log_that_another_program_holds_is_written_again_once_it_is_free(tmp_path: Path) -> None:
    path, messages = tmp_path / "sounds.sqlite", list[str]()
    log, recent = EventLog(path), Recent(100, 4.0)
    own = Recorder(log, None, recent, LABELS, messages.append)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for hop in hops("dog", "dog"):
        own.hear(hop)
    assert messages == ["events are lost: the log cannot be written (database is locked)"] and not lengths(log)
    other.execute("ROLLBACK")
    own.hear(hops("dog", "dog", "dog")[-1])
    assert lengths(log) == [("dog", 1.0)]
    other.close()


def test_columns_do_not_depend_on_the_blocks() -> None:
    sound = noise(2)
    whole = ColumnMaker(PICTURE).push(sound)
    maker = ColumnMaker(PICTURE)
    pieces = np.concatenate([maker.push(sound[first : first + 3000]) for first in range(0, len(sound), 3000)])
    assert pieces.shape == (len(whole), 128) and len(whole) > 25
    assert np.abs(pieces.astype(int) - whole).max() <= 1


def test_a_loud_tone_is_bright_at_its_frequency() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    column = ColumnMaker(PICTURE).push(tone)[3]
    assert 28 <= int(column.argmax()) <= 42
    assert column.max() > column.mean() + 60
    silence = ColumnMaker(PICTURE).push(np.zeros(RATE, np.float32))
    assert silence.max() == 0 and FLOOR_DB * STEPS_PER_DB == -240


def test_a_stream_ends_with_head(served: Served, classifier: Classifier) -> None:
    client, _ = served()
    response = client.head("/api/stream")
    assert (response.status_code, response.content) == (200, b"")
