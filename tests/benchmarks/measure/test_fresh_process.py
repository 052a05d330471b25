"""What a fresh process needs: its peak, whatever is resident at its end, and the options that it was given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import clips, fresh_process
from benchmarks.measure.fresh_process import FreshProcess, classify_once, measure_fresh, run_python
from runtime.default_model import PRETRAINED
from toolkit.errors import EngineError

FREED = """
import re, pathlib
from benchmarks.measure.fresh_process import peak_memory
block = bytearray(b'x') * 300_000_000
del block
now = int(re.search(r'VmRSS:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]) * 1024
print(peak_memory(), now)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
def test_memory_that_was_freed_counts() -> None:
    result = run_python(FREED)
    peak, now = map(int, result.stdout.split())
    assert peak > 300e6 > now


def test_options_and_times_are_each_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    class Loaded:
        @classmethod
        def load(cls, path: Path, engine: str | None, threads: int) -> Loaded:
            opened.append((path, engine, threads))
            return cls()

        def classify(self, path: Path) -> None:
            opened.append(path)

    monkeypatch.setattr("runtime.classifier.Classifier", Loaded)
    monkeypatch.setattr(fresh_process, "peak_memory", lambda: 70_000_000)
    moments = iter((11.0, 13.0, 17.0))
    monkeypatch.setattr("time.perf_counter", lambda: next(moments))
    value = json.loads(classify_once(10.0, "m.tflite", "a.wav", "3", "litert"))
    assert FreshProcess(**value) == FreshProcess(70_000_000, seconds=7, import_seconds=1, load_seconds=2)
    assert opened == [(Path("m.tflite"), "litert", 3), Path("a.wav")]


def test_a_process_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"absent.wav with it: .*absent.wav"):
        measure_fresh(PRETRAINED, tmp_path / "absent.wav", 1)


def test_a_real_one(tmp_path: Path) -> None:
    fresh = measure_fresh(PRETRAINED, clips.clip_in(tmp_path, None), 1, "litert")
    assert fresh.import_seconds > 0 and fresh.load_seconds > 0
    assert fresh.import_seconds + fresh.load_seconds < fresh.seconds
