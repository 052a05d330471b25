"""A file that is read ahead is the file that is read, and only what needs the interpreter's lock is waited for."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.reading import Ahead
from toolkit.audio.decode import Sound, read
from toolkit.errors import AudioError


def test_a_file_that_is_read_ahead_is_the_file(sound: Path) -> None:
    ahead = Ahead(sound, 16_000)
    ahead.wait()
    reading, expected = ahead.result(), read(sound, 16_000)
    np.testing.assert_array_equal(reading.sound.samples, expected.samples)
    assert reading.sound.warnings == expected.warnings
    assert reading.stage_seconds["read"] > 0 and reading.stage_seconds["resample"] > 0


def test_an_error_waits_for_its_turn(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no sound at all")
    for name, reason in (("a.wav", "not a sound file"), ("b.wav", "no such file")):
        ahead = Ahead(tmp_path / name, 16_000)
        with pytest.raises(AudioError, match=reason):
            ahead.result()


def test_the_file_is_open_and_not_yet_decoded_when_the_thread_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, may_decode = list[str](), threading.Event()

    def slow(path: Path, rate: int, decoding: Any) -> Sound:
        time.sleep(0.1)
        steps.append("opened")
        for _ in decoding.over([0]):
            assert may_decode.wait(10)
        steps.append("decoded")
        return Sound(np.zeros(1, np.float32), ())

    monkeypatch.setattr("runtime.reading.read", slow)
    ahead = Ahead(Path("a.wav"), 16_000)
    assert steps == ["opened"]
    may_decode.set()
    ahead.result()
    assert steps == ["opened", "decoded"]
