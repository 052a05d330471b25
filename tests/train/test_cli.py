"""The command: what it prints, and the one sentence it answers misuse with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolkit.trees import picture_tree
from train.cli import entry


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet"], "unknown network 'resnet'"),
        ([], "say which network"),
        (["--summary"], "--summary needs a network"),
        (["gtzanet", "zfnet"], "unexpected argument 'zfnet'"),
        (["gtzanet", "--epochs", "0"], "--epochs must be at least 1"),
        (["gtzanet", "--seed", "-1"], "--seed must be"),
        (["gtzanet", "--threads", "-2"], "--threads must be"),
        (["report"], "report needs run folders"),
        (["speed"], "speed needs one network"),
    ],
)
def test_misuse_is_one_sentence_and_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert entry(arguments) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_no_dataset_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    assert entry(["gtzanet"]) == 2
    assert "--data" in capsys.readouterr().err


def test_nothing_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["--resume", "--runs", str(tmp_path)]) == 1
    assert "no unfinished run" in capsys.readouterr().err
    assert entry(["--resume", str(tmp_path / "gone")]) == 1
    assert "not a run folder" in capsys.readouterr().err


def test_summary_needs_no_tensorflow() -> None:
    code = (
        "import sys; from train.cli import entry; entry(['zfnet', '--summary']); sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "58,301,578" in done.stdout


@pytest.mark.slow
def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    data = picture_tree(tmp_path / "tree", count=5)
    command = [
        sys.executable,
        "-m",
        "train",
        "gtzanet",
        "--data",
        str(data),
        "--split",
        "stratified",
        "--device",
        "gpu",
    ]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [*command, "--runs", str(tmp_path / "runs")], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "TensorFlow sees no GPU here" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
