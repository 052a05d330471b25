"""The log: limits, and what becomes of clips."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime.serve.clips import Clips, QuotaError, folder_name
from runtime.serve.event_log import DAY, EventLog, Selection
from runtime.serve.recorder import Recent
from tests.runtime.serve.conftest import RATE, noise


def test_old_events_are_forgotten(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log.sqlite", keep_days=2)
    now = time.time()
    for days in (5, 3, 1, 0):
        log.add(now - days * DAY - 10, now - days * DAY, f"{days} days", 0.5)
    log.trim()
    assert [event.label for event in log.newest(Selection())] == ["0 days", "1 days"]
    log.close()


def test_a_log_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = EventLog(path, limit_bytes=400_000)
    log._database.execute("BEGIN")
    for number in range(20_000):
        log.add(number, number + 1, "a label of some length", 0.5)
    log._database.execute("COMMIT")
    log.trim()
    kept = log.newest(Selection())
    assert kept[0].id == 20_000
    assert 0 < path.stat().st_size <= 400_000
    ids = [event.id for event in log.all(Selection())]
    assert ids == list(range(20_000, 20_000 - len(ids), -1))
    log.close()


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = EventLog(path)
    log.change(log.add(1.5, 2, "rock", 0.5), 1, 4, 0.75)
    log.close()
    again = EventLog(path)
    assert again.add(5, 6, "jazz", 0.5) == 2
    first = again.get(1)
    assert first is not None and (first.start, first.end, first.probability) == (1, 4, 0.75)
    assert again.get(3) is None
    again.close()


def test_the_oldest_clips_go_first(tmp_path: Path) -> None:
    mine = tmp_path / "pop" / "mine.wav"
    mine.parent.mkdir()
    mine.write_bytes(bytes(100_000))
    size = 2 * RATE + 44
    clips = Clips(tmp_path, 3 * size)
    names = [clips.save(noise(1, seed), RATE, label) for seed, label in enumerate(["pop", None, "rock"])]
    assert all(clips.path(name) for name in names)
    fourth = clips.save(noise(1, 4), RATE, "jazz")
    assert [clips.path(name) is not None for name in [*names, fourth]] == [True, False, True, True]
    (tmp_path / names[0]).rename(tmp_path / "pop" / f"serve-20000101T000000-{names[0][-16:]}")
    clips.save(noise(1, 5), RATE, None)
    assert not list(tmp_path.glob("pop/serve-2000*"))
    assert mine.exists()
    with pytest.raises(QuotaError, match="quota"):
        clips.save(noise(4), RATE, "jazz")


def test_clips_are_what_was_heard(tmp_path: Path) -> None:
    samples = noise(1)
    path = tmp_path / Clips(tmp_path, 10**6).save(samples, RATE, "a/b")
    kept, rate = soundfile.read(path, dtype="float32")
    assert (rate, path.parent.name) == (RATE, "a_b")
    assert np.abs(kept - samples).max() <= 1 / 32768


@pytest.mark.parametrize(
    ("label", "name"), [("rock", "rock"), ("a/b", "a_b"), ("..", "_"), (".x", "_x"), ("", "_"), ("\\\0", "__")]
)
def test_a_label_is_a_visible_folder(label: str, name: str) -> None:
    assert folder_name(label) == name


def test_recent_sound_is_found_by_its_time() -> None:
    recent, sound = Recent(100, 2.0), (np.arange(1000) / 2000).astype(np.float32)
    for first in range(0, 1000, 30):
        recent.push(sound[first : first + 30])
    assert recent.seconds == 10
    assert recent.between(7.5, 9) == pytest.approx(sound[750:900], abs=1e-4)
    assert recent.between(3, 9) == pytest.approx(sound[700:900], abs=1e-4)
    assert recent.newest() == pytest.approx(sound[800:], abs=1e-4)
    assert recent.between(0, 6.5) == pytest.approx(sound[600:650], abs=1e-4)
    recent.restart()
    assert len(recent.newest()) == 0


def test_times_follow_a_step_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    recent, real = Recent(100, 2.0), time.time
    recent.push(np.zeros(100, np.float32))
    before = recent.origin
    monkeypatch.setattr(time, "time", lambda: real() + 36_000)
    recent.push(np.zeros(10, np.float32))
    assert recent.origin - before == pytest.approx(36_000, abs=1)
    monkeypatch.undo()
    recent.push(np.zeros(10, np.float32))
    assert recent.origin == pytest.approx(before, abs=1)
