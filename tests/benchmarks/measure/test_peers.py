"""Programs of others beside ours: found where they are installed, timed, and ended."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cli
from benchmarks.measure import clips, peers
from benchmarks.measure.peers import ONNX_RUNTIME, TENSORFLOW_LITE, TF_KERAS, Peer, peers_of, started
from tests.run_maker import made_artifacts, made_run
from toolkit.errors import EngineError, UsageError
from toolkit.measure import latency


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of model files."""
    return made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run that they are of."""
    return made_run(tmp_path_factory.getbasetemp(), "gtzanet")


@pytest.mark.slow
def test_each_gets_the_first_file_it_can_use(models: Path, run: Path) -> None:
    names = ("gtzanet-int8.tflite", "gtzanet-float32.onnx", "gtzanet-float32.tflite")
    paths = [models / name for name in names]
    programs = peers_of(paths, run, (1, 2))
    assert [(one.kind, one.model.name, one.threads) for one in programs] == [
        (ONNX_RUNTIME, "gtzanet-float32.onnx", 1),
        (ONNX_RUNTIME, "gtzanet-float32.onnx", 2),
        (TENSORFLOW_LITE, "gtzanet-float32.tflite", 1),
        (TENSORFLOW_LITE, "gtzanet-float32.tflite", 2),
        (TF_KERAS, "model.keras", 1),
        (TF_KERAS, "model.keras", 2),
    ]
    assert programs[0].beside == f"{paths[1]}, 1 thread" and programs[5].beside == f"{paths[1]}, 2 threads"
    assert peers_of(paths[:1], None, (1,)) == []
    with pytest.raises(UsageError, match="none of the model files is a float32 one of it"):
        peers_of(paths[:1], run, (1,))


@pytest.mark.slow
def test_they_run_in_turns_with_ours(models: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each program is beside our row of the same file: TensorFlow Lite beside TFLite, the others beside ONNX."""
    for name in peers.PICTURE:
        pytest.importorskip(name, reason="the usual script's libraries are not installed")
    clip = clips.clip_in(tmp_path, None)
    ours = [str(models / f"gtzanet-float32.{kind}") for kind in ("onnx", "tflite")]
    timed: list[list[str]] = []

    def measured(tasks: Any, *_: Any, **__: Any) -> Any:
        """Run each task once; the first takes 1 s, the second 2 s, ..., and ten times as long from file to label."""
        for task in tasks.values():
            task(0)
        timed.append(list(tasks))
        return {name: ((number * 10.0 ** (len(timed) - 1),),) for number, name in enumerate(tasks, start=1)}

    monkeypatch.setattr(latency, "measure", measured)
    output = tmp_path / "o.json"
    words = [*ours, "--speed-only", "--threads", "1", "--clip", str(clip), "--peers", "--run", str(run)]
    assert cli.entry([*words, "--json", str(output)]) == 0
    value = json.loads(output.read_text())
    names = [row["name"] for row in value["rows"]]
    assert timed == [names, names] and names[:2] == ours
    theirs = value["rows"][2:]
    assert [row["name"].partition(" (")[0] for row in theirs] == [
        kind.name for kind in (ONNX_RUNTIME, TENSORFLOW_LITE, TF_KERAS)
    ]
    for quantity, scale in (("network", 1e3), ("file_to_label", 1e4)):
        assert [row[quantity]["p50_ms"] for row in value["rows"]] == pytest.approx([scale * n for n in range(1, 6)])
    for ratio in ("network_ratio", "file_ratio"):
        assert [row[ratio]["median"] for row in theirs] == pytest.approx([3 / 1, 4 / 2, 5 / 1])
    for row in theirs:
        assert row["fresh"]["peak_bytes"] > max(one["fresh"]["peak_bytes"] for one in value["rows"][:2])
        assert row["fresh"]["seconds"] > row["fresh"]["import_seconds"] > 0
    commands = [note for note in value["notes"] if "`python benchmarks/assets/usual.py " in note]
    assert [note.partition(": ")[0] for note in commands] == [row["name"] for row in theirs]


@pytest.mark.slow
def test_what_is_not_installed_is_left_out_and_named(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "librosa" else find(name))
    words = [str(models / "gtzanet-float32.tflite"), "--speed-only", "--min-duration", "0", "--min-count", "2"]
    assert cli.entry([*words, "--peers"]) == 0
    shown = capsys.readouterr().out
    assert "librosa + TensorFlow Lite (gtzanet-float32.tflite)" in shown and "left out: librosa not installed." in shown


@pytest.mark.slow
def test_a_program_that_fails_is_named_with_its_last_words(models: Path, tmp_path: Path) -> None:
    broken = Peer(ONNX_RUNTIME, tmp_path / "absent.onnx", 1, False, None)
    clip = clips.clip_in(tmp_path, None)
    message = r"librosa \+ ONNX Runtime \(absent\.onnx\) failed \(.+\): leave out --peers"
    with pytest.raises(EngineError, match=message), started([broken], clip):
        raise AssertionError("it cannot start")


@pytest.mark.slow
def test_they_end_with_the_block(models: Path, tmp_path: Path) -> None:
    program = Peer(ONNX_RUNTIME, models / "gtzanet-float32.onnx", 1, False, None)
    clip = clips.clip_in(tmp_path, None)
    with started([program], clip) as (peer,):
        process = peer._process
        os.kill(process.pid, 0)
    assert process.poll() is not None


def test_there_must_be_something_for_them_to_do(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry([str(models / "gtzanet-int8.tflite"), "--speed-only", "--peers"]) == 2
    assert "--peers: others can use none of these files: name a float32 one" in capsys.readouterr().err


def test_a_run_that_is_none_is_named(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.entry([str(models / "gtzanet-float32.tflite"), "--speed-only", "--peers", "--run", str(tmp_path)]) == 2
    assert f"--run {tmp_path}: no finished run is there" in capsys.readouterr().err


def test_a_run_needs_peers(capsys: pytest.CaptureFixture[str], models: Path) -> None:
    assert cli.entry([str(models / "gtzanet-float32.tflite"), "--speed-only", "--run", "x"]) == 2
    assert "only --peers needs a run" in capsys.readouterr().err
