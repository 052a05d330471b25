"""Every option of the table over model files arrives where it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from benchmarks.measure.selection import Limits
from benchmarks.measure.suite import Settings
from benchmarks.report.output import Destination
from benchmarks.studies import models_request
from runtime.default_model import PRETRAINED
from toolkit.measure.latency import TimingPlan


def test_all_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / "a.wav"
    soundfile.write(clip, [0.1, -0.1], 22_050)
    words = [str(PRETRAINED), "--data", str(tmp_path), "--engine", "litert", "--threads", "3,1", "--kind", "audio"]
    words += ["--min-duration", "2", "--min-count", "30", "--split", "paper", "--part", "test", "--clip", str(clip)]
    words += ["--cache", str(tmp_path / "cache"), "--max-latency", "20ms", "--max-size", "500k", "--max-memory", "100M"]
    words += ["--min-accuracy", "0.45", "--json", str(tmp_path / "o.json"), "--markdown", str(tmp_path / "o.md")]
    arguments = models_request.parser().parse_args(words)
    arguments.command = "the command"
    request = models_request.request_of(arguments)
    assert request.models == (PRETRAINED,) and request.data == tmp_path and request.kind == "audio"
    assert request.limits == Limits(latency_ms=20, size_bytes=500e3, peak_bytes=100e6, accuracy=0.45)
    plan = TimingPlan(min_seconds=2, min_count=30, precision=0.03)
    assert request.settings == Settings(Path(), (3, 1), "test", "paper", plan, "litert", tmp_path / "cache")
    assert request.clip == clip and request.peers == () and request.left_out == ()
    assert request.journal == tmp_path / "o.json.unfinished"
    assert request.destination == Destination("the command", tmp_path / "o.json", tmp_path / "o.md", None)


@pytest.mark.parametrize(
    ("limit", "text"), [("latency", "20 ms"), ("size", "20 MB on the disk"), ("memory", "20 MB of memory")]
)
def test_a_limit_is_the_one_that_its_flag_names(limit: str, text: str) -> None:
    value = "20ms" if limit == "latency" else "20M"
    arguments = models_request.parser().parse_args([str(PRETRAINED), "--data", ".", f"--max-{limit}", value])
    assert str(models_request._limits(arguments)) == text
