"""A run's folder: who may work in it, and what becomes of it when nothing could be trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.toolkit.trees import write_sound
from tests.train.test_config import make_config
from toolkit.errors import RunError
from toolkit.files import read_json
from train import run
from train.results import load_results

DRIVER = Path(__file__).with_name("driver.py")


def nothing(*_: Any) -> None:
    return None


def test_a_folder_without_a_checkpoint_is_discarded(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    run.discard(folder)
    assert not folder.exists()
    run.discard(folder)  # nothing is there any more


@pytest.mark.parametrize("name", ["checkpoint.npz", "metrics.json"])
def test_a_folder_with_something_in_it_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    run.discard(tmp_path)
    assert (tmp_path / name).exists()


def test_a_folder_that_another_process_holds_is_kept(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with run.locked(tmp_path):
        run.discard(tmp_path)
    assert (tmp_path / "config.json").exists()


@pytest.mark.slow
def test_a_run_that_was_finished_meanwhile_is_not_trained_again(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    dataset: Any = None
    listener: Any = None
    with pytest.raises(RunError, match="another process has finished this run"):
        run.work(tmp_path, make_config(), dataset, None, listener)
    assert (tmp_path / "metrics.json").read_text() == "{}"


@pytest.mark.slow
def test_long_clips_and_takes_from_files_to_the_report(tmp_path: Path) -> None:
    """Every number that the run writes of windows and recordings is counted again from its predictions."""
    for place, label in enumerate(("hum", "unknown")):
        for number, take in enumerate(("1-10-A", "1-10-B", "2-11-A", "3-12-A", "4-13-A")):
            name = f"{take.replace('-1', f'-{place}1')}-0.wav"
            write_sound(tmp_path / "data" / label / name, 10 * place + number, seconds=(65 if number == 1 else 0.5))
    arguments = ["gtzanet", "--data", tmp_path / "data", "--split", "stratified", "--folds", "2", "--runs", tmp_path]
    arguments += [
        "--name",
        "run",
        "--epochs",
        "1",
        "--batch-size",
        "4",
        "--device",
        "cpu",
        "--cache",
        tmp_path / "cache",
    ]
    command = [sys.executable, str(DRIVER), "nowhere", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "class unknown: this name is special" in done.stderr
    assert "recordings: by their names, 4 clips are takes of 2 (hum/1-010-A-0.wav, hum/1-010-B-0.wav)" in done.stderr
    split, measured = (read_json(tmp_path / "run" / f"{name}.json") for name in ("split", "metrics"))
    predicted = read_json(tmp_path / "run" / "predictions.json")["validation"]
    windows = [3 if "-B-" in name else 1 for name in split["validation"]]
    trained = sum(3 if "-B-" in name else 1 for name in split["train"])
    part = measured["validation"]
    assert [line.split()[4] for line in done.stderr.splitlines() if line.startswith("windows: ")] == [
        "train",
        "validation",
    ]
    assert f"have {trained} windows of 30 s" in done.stderr
    right = [
        max(range(2), key=row.__getitem__) == label
        for row, label in zip(predicted["probabilities"], predicted["labels"], strict=True)
    ]
    assert (part["n"], part["correct"]) == (len(windows), sum(right))
    assert measured["takes"] == {"clips": 4, "recordings": 2}
    report = (tmp_path / "run" / "report.md").read_text()
    assert "4 clips of the dataset are takes of 2 recordings, each on one side of the split." in report
    assert "validation: accuracy per window" in report and "Kish's effective sample size" in report
    assert part["windows"]["n"] == sum(windows) and "recordings" in part
    by_clip: dict[int, list[list[float]]] = {}
    for clip, row in zip(predicted["windows"]["clips"], predicted["windows"]["probabilities"], strict=True):
        by_clip.setdefault(clip, []).append(row)
    for clip, rows in by_clip.items():
        mean = [sum(row[k] for row in rows) / len(rows) for k in range(2)]
        assert predicted["probabilities"][clip] == pytest.approx(mean, abs=1e-6)
    assert load_results([tmp_path / "run"])[0].metrics == measured
