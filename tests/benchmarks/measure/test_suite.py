"""The suite's choice of what a model is compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.measure import suite
from benchmarks.measure.accuracy import Paired, detail
from benchmarks.measure.fresh_process import FreshProcess
from benchmarks.measure.row import Row
from benchmarks.measure.suite import Settings, _float32_twin
from runtime.default_model import PRETRAINED
from tests.cards import example_card
from toolkit.artifact.file import append_card, read_archive, read_card
from toolkit.measure import latency
from toolkit.measure.latency import Ratio
from toolkit.progress import progress


def test_the_twin_is_the_float32_model_of_the_same_format() -> None:
    def candidate(file: str, precision: str, run: str, level: str) -> Any:
        row = SimpleNamespace(file=file, precision=precision, run_digest=run, threads=1)
        return SimpleNamespace(row=row, input_level=level)

    there = [("sound.tflite", "a", "waveform"), ("x.onnx", "a", "picture"), ("x.tflite", "a", "picture")]
    there += [("y.onnx", "b", "picture")]
    candidates = {file: candidate(file, "float32", run, level) for file, run, level in there}

    def twin(file: str, run: str = "a", level: str = "picture") -> Any:
        return _float32_twin(candidate(file, "int8", run, level), candidates)

    assert twin("x8.tflite").row.file == "x.tflite"
    assert twin("x8.onnx").row.file == "x.onnx"
    assert twin("y8.tflite", "b").row.file == "y.onnx"
    assert twin("sound8.tflite", level="waveform").row.file == "sound.tflite"
    assert twin("z8.tflite", "c") is None


def test_ratios_and_changes_are_those_of_the_model_over_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Float32 takes half the time for its network, a third of it for a clip, and is right on one sample more."""
    card, model = read_card(PRETRAINED), PRETRAINED.read_bytes()[: read_archive(PRETRAINED).start]
    paths = [tmp_path / f"{name}.tflite" for name in ("float32", "float16")]
    for path, quantization in zip(paths, ("none", "float16"), strict=True):
        path.write_bytes(append_card(model, replace(card, quantization=quantization)))
    rounds = iter(((((0.01,),), ((0.02,),)), (((0.03,),), ((0.09,),))))

    def measured(tasks: Any, *_: Any, **__: Any) -> Any:
        return dict(zip(tasks, next(rounds), strict=True))

    monkeypatch.setattr(latency, "measure", measured)
    monkeypatch.setattr(suite, "Judge", _Judge)
    monkeypatch.setattr(suite, "measure_fresh", lambda model, clip, threads, engine: FreshProcess(threads, 1, 1, 1))
    settings = Settings(tmp_path / "a.wav", (3,))
    one, other = suite.measure_models(paths, cast(Any, "a dataset"), settings, progress)
    assert one.network_ratio == one.file_ratio == Ratio(1, 1, 1) and one.against_float32 is None
    assert other.network_ratio == Ratio(2, 2, 2) and other.file_ratio is not None
    assert other.file_ratio.median == pytest.approx(3)
    assert other.against_float32 == Paired(3, 1, 2, 1.0)
    assert one.fresh == other.fresh == FreshProcess(3, 1, 1, 1) and one.threads == 3


class _Judge:
    """Gives float32 and float16 other predictions of six samples."""

    pictures = None

    def __init__(self, *_: Any) -> None:
        pass

    def judged(self, row: Row, engine: Any) -> Row:
        assert engine.threads == 3
        predicted = (0, 0, 0, 0, 1, 1) if row.precision == "float32" else (1, 1, 0, 0, 0, 1)
        scores = np.eye(2, dtype=np.float32)[list(predicted)]
        return replace(row, detail=detail(scores, np.zeros(6, np.int64), example_card()))


def test_the_size_of_a_head_is_that_of_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, backbone = tmp_path / "head.tflite", tmp_path / "backbone.tflite"
    head.write_bytes(b"123")
    backbone.write_bytes(b"12345")
    monkeypatch.setattr(suite, "find_backbone", lambda path, card: backbone)
    for level, size in (("embedding", 8), ("grid", 3)):
        monkeypatch.setattr(suite, "read_card", lambda path, level=level: SimpleNamespace(input_level=level))
        assert suite._size(head) == size
    assert suite._size(tmp_path / "none.tflite") == 0
