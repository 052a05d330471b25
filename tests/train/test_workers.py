"""Workers that this process starts: whose end decides, and when all start again. And what flags say of them."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.train.test_config import make_config
from toolkit.errors import RunError, UsageError
from train import cli, workers
from train.cluster import VARIABLE
from train.config import Compute

INDEX = f"import json, os, sys, time; index = json.loads(os.environ['{VARIABLE}'])['task']['index']; "


def outcome(program: str, count: int = 2) -> tuple[int, str]:
    return workers._round([sys.executable, "-c", INDEX + program], count)


def test_the_first_worker_decides_a_good_end() -> None:
    assert outcome("time.sleep(30 * index)") == (0, "")


def test_a_killed_worker_ends_the_round() -> None:
    code, cause = outcome("os.kill(os.getpid(), 9) if index else time.sleep(30)")
    assert (code, cause) == (-signal.SIGKILL, "worker 1 died of SIGKILL")


def test_a_failing_worker_ends_the_round_and_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome("sys.exit('a line\\nthe reason') if index else time.sleep(30)") == (1, "")
    assert capfd.readouterr().err == "the reason\n"
    assert outcome("time.sleep(30) if index else sys.exit(2)") == (2, "")


def test_all_start_again_until_nothing_is_gained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config, rounds = make_config(compute=Compute(strategy="multiworker", workers=2)), []

    def end(command: Any, count: int) -> tuple[int, str]:
        rounds.append(command)
        if len(rounds) == 2:
            (tmp_path / "checkpoint.npz").touch()
        return (-9, "worker 1 died of SIGKILL")

    monkeypatch.setattr(workers, "_round", end)
    with pytest.raises(RunError, match="worker 1 died of SIGKILL 4 times without a new checkpoint"):
        workers.supervise(tmp_path, config, Path("cache"))
    assert len(rounds) == 6  # one in vain, one with a checkpoint, four in vain
    assert rounds[0][3:] == ["--resume", str(tmp_path), "--data", config.data.root, "--cache", "cache"]
    assert capfd.readouterr().err.count("all start again from the last checkpoint") == 5
    monkeypatch.setattr(workers, "_round", lambda *_: (1, ""))
    assert workers.supervise(tmp_path, config, None) == 1


TWO = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}'


@pytest.mark.parametrize(
    ("flags", "environment", "words"),
    [
        ("gtzanet --workers 2", "", "--workers counts those of --strategy"),
        ("gtzanet --strategy mirrored", "", "--strategy mirrored needs --workers N"),
        ("gtzanet --strategy multiworker", "", "needs --workers N, or TF_CONFIG"),
        ("gtzanet --strategy multiworker", "{", "TF_CONFIG is not of the form"),
        ("gtzanet --strategy multiworker --workers 3", TWO, "--workers 3: TF_CONFIG names 2"),
        ("gtzanet --strategy mirrored --workers 0", "", "--workers must be from 1"),
        ("gtzanet --strategy multiworker --workers 0", "", "--workers must be from 1"),
        ("gtzanet --strategy mirrored --workers 33", "", "--workers 33: a batch has 32 items"),
        ("gtzanet --strategy multiworker --workers 2 --fold all", "", "--fold all does not go with"),
        ("mn04 --strategy mirrored --workers 2", "", "--strategy: mn04 is frozen"),
    ],
)
def test_flags_that_make_no_sense_are_refused(
    flags: str, environment: str, words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, environment)
    assert cli.entry([*flags.split(), "--data", "nowhere"]) == 2
    error = capfd.readouterr().err
    assert words in error and error.count("\n") == 1


def test_a_resumed_run_keeps_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compute = Compute(strategy="multiworker", workers=3)
    assert workers.starts_workers(compute) and not workers.starts_workers(Compute())
    workers.check_cluster(tmp_path, compute)
    monkeypatch.setenv(VARIABLE, TWO)
    assert not workers.starts_workers(compute)
    with pytest.raises(UsageError, match="began with 3 workers, but TF_CONFIG names 2"):
        workers.check_cluster(tmp_path, compute)
