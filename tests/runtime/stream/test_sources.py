"""Endless sound: pipes that stall and break, microphones that come and go, and the lines that come out."""

from __future__ import annotations

import io
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runtime.arguments import live_request, parser
from runtime.classifier import Classifier
from runtime.cli import entry
from runtime.sources import Raw
from runtime.stream import events, microphone, pipe
from runtime.stream.listen import LiveRequest, listen
from runtime.stream.smoothing import Rules
from runtime.stream.stall import watched
from tests.runtime.stream.test_sliding_window import Eye, music
from toolkit.audio.samples import Resampler, to_mono_at
from toolkit.errors import AudioError, UsageError
from toolkit.frontend.spec import PICTURE, FrontEnd

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("source", [22_050, 44_100, 16_000, 48_000])
def test_blocks_resample_to_what_the_whole_does(source: int) -> None:
    sound = music(3)
    resampler = Resampler(source, 22_050)
    resampled = np.concatenate([resampler.push(block) for block in np.array_split(sound, 37)])
    expected = to_mono_at(sound, source, PICTURE.sample_rate)
    assert len(expected) - 4000 < len(resampled) <= len(expected)
    np.testing.assert_allclose(resampled, expected[: len(resampled)], atol=2e-6)


def test_a_pipe_gives_whole_samples_however_it_is_cut() -> None:
    values = (np.arange(3000) - 1500).astype("<i2")
    read, write = os.pipe()

    def feed() -> None:
        data = values.tobytes()
        for start in range(0, len(data), 777):
            os.write(write, data[start : start + 777])
        os.close(write)

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(read, "rb") as file:
        blocks = [block for block in pipe.piped(Raw(channels=3), file) if block is not None]
    thread.join()
    np.testing.assert_array_equal(np.concatenate(blocks), values.reshape(-1, 3) / np.float32(32768))


def test_a_pipe_that_ends_within_a_sample_is_reported() -> None:
    with pytest.raises(AudioError, match="it ends within a sample: 1 bytes are left over"):
        list(pipe.piped(Raw(), io.BytesIO(bytes(11))))
    with pytest.raises(AudioError, match="bytes of a sound file"):
        list(pipe.piped(Raw(), io.BytesIO(b"RIFF" + bytes(40))))


def test_a_stalled_pipe_is_noticed_while_it_is_read_and_goes_on() -> None:
    read, write = os.pipe()
    messages: list[str] = []
    noticed = threading.Event()

    def feed() -> None:
        os.write(write, bytes(5000))
        assert noticed.wait(20)
        os.write(write, bytes(6))
        noticed.clear()
        assert noticed.wait(20)
        os.close(write)

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(read, "rb") as file:
        blocks = [*watched(pipe.piped(Raw(), file), 0.05, messages.append, noticed.set)]
    thread.join()
    assert [None if block is None else len(block) for block in blocks] == [2500, None, 3]
    assert messages == ["no sound for 0.05 s; waiting", "sound again", "no sound for 0.05 s; waiting"]


def test_time_spent_on_the_sound_is_not_a_stall() -> None:
    def slow(blocks: Any) -> None:
        for _ in blocks:
            time.sleep(0.1)

    slow(watched(iter([np.zeros((5, 1), np.float32)] * 3), 0.05, pytest.fail, pytest.fail))


def test_a_source_that_only_says_that_sound_was_lost_stalls() -> None:
    def lost() -> Any:
        for _ in range(500):
            if not noticed.wait(0.01):
                yield None

    noticed = threading.Event()
    assert set(watched(lost(), 0.05, print, noticed.set)) == {None} and noticed.is_set()


def test_the_watching_thread_ends_with_the_sound() -> None:
    before = set(threading.enumerate())
    blocks = watched(iter([None]), 60, print, print)
    next(blocks)
    (watching,) = set(threading.enumerate()) - before
    assert list(blocks) == []
    watching.join(20)
    assert not watching.is_alive()


def test_a_pipe_may_hold_any_bytes_after_its_beginning() -> None:
    data = bytes(1000) + b"ID3RIFF" + bytes(993)
    pieces = [data[:1000], data[1000:], b""]
    file: Any = SimpleNamespace(read1=lambda size: pieces.pop(0), fileno=lambda: -1)
    assert sum(len(block) for block in pipe.piped(Raw(), file) if block is not None) == 1000


class Microphones:
    """A stand-in for sounddevice: what each opening does, in turn."""

    class PortAudioError(Exception):
        pass

    size = 10

    def __init__(self, *plans: Any) -> None:
        self.plans, self.opened = list(plans), 0
        self.looked: list[str] = []

    def InputStream(self, callback: Any, **options: Any) -> Any:
        plan = self.plans[self.opened]
        self.opened += 1
        if isinstance(plan, Exception):
            raise plan
        for number in range(plan):
            callback(np.full((self.size, 1), number, np.float32), self.size, None, None)
        return _Opened()

    def _terminate(self) -> None:
        self.looked.append("_terminate")

    def _initialize(self) -> None:
        self.looked.append("_initialize")

    def query_devices(self) -> list[dict[str, Any]]:
        return [{"name": "USB mic", "max_input_channels": 1}, {"name": "HDMI", "max_input_channels": 0}]


class _Opened:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def test_a_microphone_that_stalls_or_goes_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Microphones(3, Microphones.PortAudioError("Device unavailable"), 2)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr(microphone, "RETRY_SECONDS", 0.0)
    messages: list[str] = []
    blocks = microphone.microphone(None, 44_100, messages.append, stall=0.05)
    blocks_heard = [next(blocks) for _ in range(7)]
    assert [None if block is None else int(block[0, 0]) for block in blocks_heard] == [0, 1, 2, None, None, 0, 1]
    assert messages == ["the microphone is gone (Device unavailable); trying again", "the microphone is back"]
    assert module.looked == ["_terminate", "_initialize"] * 2


def test_a_microphone_that_stalls_is_heard_again_in_a_new_window(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Microphones(5, 5, 5)
    module.size = 8192  # half a hop
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    messages: list[str] = []
    settings = events.Settings(0.74, stall_seconds=0.2)
    request = LiveRequest(True, None, Raw(22_050), settings, None, True)
    lines = listen(Classifier(Eye(FrontEnd(window_seconds=3.0))), request, messages.append)
    assert [round(json.loads(next(lines))["at"], 2) for _ in range(6)] == [0.74, 1.49] * 3
    assert messages[1:] == ["no sound for 0.2 s; waiting", "sound again"] * 2


def test_lost_sound_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Microphones(4)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    monkeypatch.setattr(microphone, "QUEUED", 4)
    messages: list[str] = []
    kept: queue.Queue[Any] = queue.Queue(4)
    callback = microphone._keep(kept)
    kept_blocks = []
    for number in range(8):
        if number == 6:
            kept_blocks += [kept.get() for _ in range(3)]
        callback(np.full((1, 1), number, np.float32), 1, None, None)
    kept_blocks += [kept.get() for _ in range(kept.qsize())]
    assert [None if block is None else int(block[0, 0]) for block in kept_blocks] == [0, 1, 2, 3, None, 6, 7]
    blocks = microphone.microphone("1", 44_100, messages.append, 10)
    assert [next(blocks) is None for _ in range(4)] == [False] * 4 and messages == []
    callback(np.zeros((1, 1), np.float32), 1, None, "input overflow")
    assert kept.get() is None


def test_a_missing_microphone_is_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Microphones(ValueError("No input device matching 'x'"))
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    with pytest.raises(
        UsageError, match="--device x cannot be opened at 44100 Hz .No input device matching 'x'.: .* 0 USB mic"
    ):
        next(microphone.microphone("x", 44_100, print, 10))
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(AudioError, match="pip install sounddevice"):
        next(microphone.microphone(None, 44_100, print, 10))


def test_lost_sound_starts_a_new_window() -> None:
    classifier = Classifier(Eye(FrontEnd(window_seconds=3.0)))
    sound = music(8)[:, None]
    settings = events.Settings(hop_seconds=1.5)
    heard = list(events.listen(classifier, iter([sound, None, sound]), 22_050, settings, print))
    ends = [event.result.end for event in heard]
    assert ends[: len(ends) // 2] == ends[len(ends) // 2 :]
    value = json.loads(events.as_json(heard[0], classifier.labels))
    assert set(value) == {"time", "at", "state", "label", "confidence", "changed", "probabilities", "level_db", "load"}
    assert value["state"] == "label"
    assert value["probabilities"][value["label"]] == value["confidence"] and value["load"] > 0
    assert value["label"] in events.as_line(heard[0]) and " * " in events.as_line(heard[0])


@pytest.mark.parametrize(
    ("format", "hop", "ends"),
    [
        ("s16", 5.0, [4.99, 9.98, 14.98, 19.97, 24.96, 30.0, 34.99, 39.98]),
        ("f32", 9.7, [9.71, 19.41, 30.0, 39.71]),
    ],
)
def test_the_command_streams(artifacts: Path, format: str, hop: float, ends: list[float]) -> None:
    sound = np.concatenate([music(36), np.zeros(22_050 * 6, np.float32)])
    data = sound.astype("<f4") if format == "f32" else np.rint(sound * 32767).astype("<i2")
    command = [sys.executable, "-m", "runtime", "--stream", "--json", "--rate", "22050", "--pcm", format]
    command += ["--model", str(artifacts / "gtzanet-float32.tflite"), "--threads", "1"]
    command += [] if hop == 5.0 else ["--hop", str(hop)]  # 5 is the default
    done = subprocess.run(command, cwd=ROOT, input=data.tobytes(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [round(event["at"], 2) for event in events] == ends
    assert events[0]["changed"] and events[-1]["level_db"] < events[0]["level_db"]
    assert all(event["label"] in event["probabilities"] for event in events)
    first, last = done.stderr.decode().splitlines()
    assert f"a line every {hop} s" in first
    assert "heard" in last and "computing took" in last and "% of that time" in last


def test_every_flag_reaches_the_settings() -> None:
    flags = ["--hop=3", "--silence=-50", "--smooth=4", "--margin=0.2", "--min-confidence=0.6", "--stall=7"]
    request = live_request(parser("test").parse_args(["--stream", *flags]))
    assert request.settings == events.Settings(3, -50, Rules(4, 0.2, 0.6), 7)
    assert live_request(parser("test").parse_args(["--stream"])).settings == events.Settings()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stream", "a.wav"],
        ["--stream", "--listen"],
        ["--stream", "--csv"],
        ["--stream", "--hop", "0"],
        ["--stream", "--smooth", "-1"],
        ["--stream", "--silence", "nan"],
        ["--stream", "--rate", "500"],
        ["--stream", "--margin", "2"],
        ["--stream", "--stall", "0"],
        ["--stream", "--stall", "nan"],
        ["--stream", "--stall", "1e9"],
        ["--stall", "5", "-"],
        ["--stream", "--hop", "31"],
    ],
)
def test_misuse(arguments: list[str], artifacts: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    try:
        code = entry([*arguments, "--model", str(artifacts / "gtzanet-int8.tflite")])
    except SystemExit as stop:
        code = int(str(stop.code))
    assert code == 2 and len(capfd.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "<stdin>: it ended after 0.0 s"), (bytes(88_200), "after 1.0 s, before")]
)
def test_too_little_sound_is_reported(artifacts: Path, data: bytes, words: str) -> None:
    command = [sys.executable, "-m", "runtime", "--stream", "--model", str(artifacts / "gtzanet-int8.tflite")]
    done = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=120)
    assert done.returncode == 1 and done.stdout == b"" and words in done.stderr.decode().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
def test_the_command_takes_no_more_memory_after_an_hour_than_after_ten_minutes(tmp_path: Path) -> None:
    minute = (np.repeat(music(60), 2) * 32767).astype("<i2").tobytes()
    command = [sys.executable, "-m", "runtime", "--stream", "--json", "--rate", "44100", "--channels", "1"]
    with (
        (tmp_path / "lines").open("wb") as lines,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=lines, stderr=subprocess.DEVNULL) as process,
    ):
        pipe = process.stdin
        assert pipe

        def after(minutes: int) -> int:
            for _ in range(minutes):
                pipe.write(minute)  # returns when all but the last second or so has been taken
            return int(Path(f"/proc/{process.pid}/status").read_text().split("VmRSS:")[1].split()[0])

        before, now = after(10), after(50)
    assert process.returncode == 0
    assert len((tmp_path / "lines").read_bytes().splitlines()) > 680
    assert now - before < 2000, f"{before} kB after ten minutes, {now} after an hour"
