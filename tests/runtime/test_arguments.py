"""Every option arrives where it is used: none is lost, none changes places with another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from runtime.arguments import check, files_request, live_request, parser
from runtime.classify import FilesRequest
from runtime.cli import entry
from runtime.default_model import PRETRAINED
from runtime.engines import load
from runtime.sources import Raw
from runtime.stream.events import Settings
from runtime.stream.listen import LiveRequest
from runtime.stream.mqtt import Broker
from runtime.stream.smoothing import Rules

RAW = ["--rate", "8000", "--channels", "2", "--pcm", "f32"]


def test_all_options_for_files() -> None:
    words = ["a.wav", "-", *RAW, "--top", "3", "--min-confidence", "0.4", "--silence", "-50", "--strict"]
    for form in ("table", "json", "csv"):
        arguments = parser("p").parse_args([*words, *([] if form == "table" else [f"--{form}"])])
        check(arguments)
        assert files_request(arguments) == FilesRequest(
            ("a.wav", "-"), Raw(8000, 2, "f32"), form, 3, 0.4, -50.0, strict=True
        )


def test_all_options_for_endless_sound() -> None:
    words = ["--stream", *RAW, "--hop", "3", "--smooth", "7", "--margin", "0.2", "--min-confidence", "0.4"]
    words += ["--silence", "-50", "--json", "--mqtt", "mqtt://host/topic"]
    arguments = parser("p").parse_args(words)
    check(arguments)
    assert live_request(arguments) == LiveRequest(
        False,
        None,
        Raw(8000, 2, "f32"),
        Settings(3.0, -50.0, Rules(7.0, 0.2, 0.4)),
        Broker.parse("mqtt://host/topic"),
        True,
    )
    microphone = live_request(parser("p").parse_args(["--listen", "--device", "mic"]))
    assert microphone == LiveRequest(True, "mic", Raw(), Settings(), None, False)


def test_model_engine_and_threads_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, opened, real = tmp_path / "a.wav", [], load._load
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.1, 22_050), 22_050)

    def watched(name: str) -> Any:
        ours, theirs = real(name)

        def engine(name: str, module: Any, path: Path, card: Any, threads: int) -> Any:
            opened.append((name, path, threads))
            return ours(name, module, path, card, threads)

        return engine, theirs

    monkeypatch.setattr(load, "_load", watched)
    for threads in (1, 3):
        words = [str(sound), "--model", str(PRETRAINED), "--engine", "litert", "--threads", str(threads)]
        assert entry(words) == 0
    assert opened == [("litert", PRETRAINED, 1), ("litert", PRETRAINED, 3)]
