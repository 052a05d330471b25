"""The test part that stays unread until everything is chosen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolkit.trees import write_sound
from toolkit.files import read_json


def train(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_is_read_once_and_says_what_it_had_said_at_once(tmp_path: Path) -> None:
    for place, label in enumerate(("hum", "tap")):
        for number in range(6):
            write_sound(tmp_path / "data" / label / f"{label}{number}.wav", 10 * place + number, seconds=1.5)
    options: list[str | Path] = [
        "edgenet",
        "--data",
        tmp_path / "data",
        "--window",
        "1",
        "--epochs",
        "2",
        "--batch-size",
        "4",
    ]
    options += ["--cache", tmp_path / "cache", "--runs", tmp_path, "--device", "cpu"]
    for name, more in (("now", ()), ("later", ("--no-test",))):
        done = train(*options, "--name", name, *more)
        assert done.returncode == 0, done.stderr
    now, later = (read_json(tmp_path / name / "metrics.json") for name in ("now", "later"))
    assert later["test"] is None and later["validation"] == now["validation"]
    assert "test: unread; when everything is chosen" in done.stdout and "test: accuracy" not in done.stdout
    assert "test" not in read_json(tmp_path / "later" / "predictions.json")
    assert not (tmp_path / "later" / "confusion-test.png").exists()

    read = train("test", tmp_path / "later", "--cache", tmp_path / "cache")
    assert read.returncode == 0, read.stderr
    assert "test part read at 2" in read.stdout and "test: accuracy" in read.stdout
    results = [read_json(tmp_path / name / "metrics.json") for name in ("now", "later")]
    assert results[1].pop("test_read") and [each["test"] for each in results] == [now["test"]] * 2
    predicted = [read_json(tmp_path / name / "predictions.json") for name in ("now", "later")]
    assert predicted[0] == predicted[1]
    assert "The test part stayed unread until" in (tmp_path / "later" / "report.md").read_text()

    again, open_from_the_start = train("test", tmp_path / "later"), train("test", tmp_path / "now")
    assert again.returncode == 2 and "its test part was read at" in again.stderr
    assert open_from_the_start.returncode == 2 and "was not trained with --no-test" in open_from_the_start.stderr


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["mn04"], "--no-test goes with networks from scratch, and mn04 has a pretrained backbone"),
        (["edgenet", "--fold", "all"], "--no-test does not go with --fold all, where every fold is tested"),
        (["edgenet", "--split", "stratified"], "--no-test: the split stratified has no test part"),
    ],
)
def test_where_there_is_nothing_to_leave_unread(tmp_path: Path, flags: list[str], sentence: str) -> None:
    for label in ("hum", "tap"):
        for number in range(6):
            write_sound(tmp_path / label / f"{number}.wav", number, seconds=0.5)
    done = train(*flags, "--no-test", "--data", tmp_path, "--runs", tmp_path / "runs", "--cache", tmp_path / "cache")
    assert done.returncode == 2 and sentence in done.stderr
    assert not (tmp_path / "runs").exists()
