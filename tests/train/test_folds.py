"""A run per fold: what each is, what they measure together, and that an interrupted one is carried on."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.toolkit.trees import picture_tree
from toolkit.errors import RunError
from toolkit.files import read_json, write_json
from toolkit.measure.metrics import grouped_interval
from train import folds
from train.cli import entry
from train.comparison import part_note
from train.config import RunConfig
from train.data import open_dataset

TRAINING = ("--epochs", "1", "--batch-size", "8", "--threads", "2", "--shards", "2", "--device", "cpu")
GROUPS = r"00?(\d+)\.png"
INTERRUPTED = """
from train import run
work, calls = run.work, []
def interrupted(*values):
    calls.append(values)
    if len(calls) == 2:
        raise KeyboardInterrupt
    return work(*values)
run.work = interrupted
"""


def call(*arguments: str, interrupted: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `python -m train` in a process of its own, which is interrupted when its second fold begins."""
    code = (
        f"{INTERRUPTED if interrupted else ''}\nimport sys\nfrom train.cli import entry\nsys.exit(entry(sys.argv[1:]))"
    )
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 30 pictures of two classes, three a day."""
    return picture_tree(tmp_path_factory.mktemp("data") / "tree", count=15)


@pytest.fixture(scope="module")
def parent(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of three folds that were interrupted after the first, and carried on."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = ["gtzanet", "--data", str(data), "--runs", str(runs), "--name", "k", "--fold", "all", "--folds", "3"]
    done = call(*arguments, *TRAINING, "--group-by", GROUPS, interrupted=True)
    assert done.returncode == 130 and f"--resume {runs / 'k'}" in done.stderr, done.stderr
    assert [folder.name for folder in folds.unfinished(runs / "k")] == ["fold-1", "fold-2"]
    assert not (runs / "k" / "metrics.json").exists()
    done = call("--resume", str(runs / "k"))
    assert done.returncode == 0 and "over 3 folds, pooled" in done.stdout, done.stderr
    return runs / "k"


@pytest.mark.slow
def test_each_file_is_tested_once_and_counted_once(parent: Path, data: Path) -> None:
    value = read_json(parent / "metrics.json")
    tested = [name for at in range(3) for name in read_json(parent / f"fold-{at}" / "split.json")["test"]]
    assert sorted(tested) == sorted(path.relative_to(data).as_posix() for path in data.rglob("*.png"))
    parts = [read_json(parent / f"fold-{at}" / "metrics.json")["test"] for at in range(3)]
    accuracies = [part["accuracy"] for part in parts]
    assert [fold["accuracy"] for fold in value["folds"]] == accuracies
    assert value["mean"] == pytest.approx(sum(accuracies) / 3)
    assert value["deviation"] == pytest.approx(statistics.stdev(accuracies))
    assert value["pooled"]["confusion"] == np.sum([part["confusion"] for part in parts], axis=0).tolist()
    assert value["pooled"]["correct"] == sum(part["correct"] for part in parts) and value["pooled"]["n"] == 30
    groups = [re.sub(r".*00?(\d+)\.png", r"\1", name) for name in tested]
    assert value["pooled"]["wilson95"] == pytest.approx(grouped_interval(value["pooled"]["correct"], groups))
    assert value["pooled"]["recordings"]["n"] == 15


@pytest.mark.slow
def test_a_fold_is_the_run_that_it_is_alone(parent: Path, data: Path, tmp_path: Path) -> None:
    """The fold that was trained third in one process equals the run of this fold in another call."""
    arguments = ["gtzanet", "--data", str(data), "--runs", str(tmp_path), "--name", "alone", "--fold", "2"]
    options = ["--folds", "3", "--split", "held-out", "--group-by", GROUPS]
    done = call(*arguments, *options, *TRAINING)
    assert done.returncode == 0, done.stderr
    for name in ("split.json", "model.keras", "predictions.json"):
        assert (parent / "fold-2" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


@pytest.mark.slow
def test_the_report_of_the_folds(parent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["report", str(parent), "-o", str(tmp_path / "r.md")]) == 0
    report = (tmp_path / "r.md").read_text()
    assert report == (parent / "report.md").read_text()
    value = read_json(parent / "metrics.json")
    assert f"accuracy {value['mean']:.4f} ± {value['deviation']:.4f} over 3 folds" in report
    assert "## Confusion" in report and report.count("\n| 1 | ") == 1
    assert len(json.loads((tmp_path / "r.json").read_text())["runs"]) == 3
    capsys.readouterr()
    assert entry(["--resume", str(parent)]) == 0
    assert "over 3 folds" in capsys.readouterr().out


@pytest.mark.slow
def test_networks_on_the_same_folds_are_one_table(
    parent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(parent, other)
    assert entry(["report", str(parent)]) == 0
    assert "the same clips for each network" not in capsys.readouterr().out
    path = folds.fold_folders(other)[0] / "predictions.json"
    value = read_json(path)
    part = folds.measured(other)["part"]
    value[part]["probabilities"] = [row[::-1] for row in value[part]["probabilities"]]
    write_json(path, value)
    flipped = len(set(value[part].get("recordings", value[part]["names"])))
    assert entry(["report", str(other), str(parent)]) == 0
    table = capsys.readouterr().out.partition("minutes of training")[2].splitlines()
    assert len([line for line in table if line.startswith("| gtzanet |")]) >= 2
    first, second = (line.split(" | ") for line in table if line.startswith("| gtzanet |"))
    assert {first[1], second[1]} == {"k", "other"} and float(first[2].split()[0]) >= float(second[2].split()[0])
    better, worse = map(int, second[8].split(" : "))
    assert better + worse <= flipped and worse >= better
    assert second[7] == first[7]


def test_a_dataset_that_changed_is_refused(parent: Path, data: Path) -> None:
    options: dict[str, Any] = {"seed": 1, "folds": 3, "fold": None, "group_by": GROUPS}
    dataset = open_dataset(data, None, "held-out", **options, progress=lambda *_: None)
    metrics = parent / "fold-1" / "metrics.json"
    value = read_json(metrics)
    metrics.unlink()
    try:
        with pytest.raises(RunError, match="fold-1: the dataset changed"):
            folds.train_folds(parent, dataset, None, None)  # type: ignore[arg-type]
        with pytest.raises(RunError, match="1 of 3 folds are not finished: go on with python -m train --resume"):
            folds.measured(parent)
    finally:
        write_json(metrics, value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fold", "al"], "--fold al: write the number of a fold, or all"),
        (["--fold", "all", "--split", "paper"], "--fold does not go with --split paper"),
        (["--fold", "all", "--split", "folders"], "--fold all does not go with --split folders"),
        (["--fold", "all", "--folds", "16"], "class hum has 15 separate recordings .*, too few for 16 folds"),
    ],
)
def test_misuse_leaves_nothing_behind(
    arguments: list[str], words: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = entry(["gtzanet", "--data", str(data), "--runs", str(tmp_path / "runs"), *arguments])
    except SystemExit as stopped:
        code = stopped.code
    assert code in (1, 2)
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(words, error)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("content", ["[]", "{", '{"runs": 3}', '{"runs": []}'])
def test_a_damaged_list_of_folds(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folds.json").write_text(content)
    assert entry(["--resume", str(tmp_path)]) == 1
    assert "folds.json: " in capsys.readouterr().err


def test_a_fold_that_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folds.json").write_text('{"runs": ["fold-0"]}')
    for arguments in (["--resume", str(tmp_path)], ["report", str(tmp_path)]):
        assert entry(arguments) == 1
        assert "fold-0: this fold's folder is gone: put it back" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["metrics.json", "predictions.json"])
def test_a_damaged_fold_says_how_to_go_on(parent: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = parent / "fold-1" / name
    value = read_json(file)
    file.write_text("{")
    try:
        assert entry(["report", str(parent)]) == 1
        error = capsys.readouterr().err
        assert f"fold-1/{name}: cannot be read" in error and "fold-1/metrics.json, and train this fold again" in error
    finally:
        write_json(file, value)


def test_a_part_of_gtzan_says_what_to_run_on_all_of_it() -> None:
    published = read_json(Path(__file__).parents[2] / "docs" / "results" / "training.json")
    config = RunConfig.from_dict(published["runs"][0]["config"], "training.json")
    assert part_note(config) == []
    _, note = part_note(replace(config, data=replace(config.data, items=50)))
    assert "50 of GTZAN's 999 tracks" in note and "python -m train gtzanet --data DIR --split fault-filtered" in note
    assert part_note(replace(config, classes=("a", "b"), data=replace(config.data, items=50))) == []


def test_an_interrupted_head_has_no_epoch_to_go_on_from(tmp_path: Path) -> None:
    head, network = (cast(RunConfig, SimpleNamespace(backbone=backbone)) for backbone in ("mn04", None))
    assert "fit the head anew" in folds.how_to_go_on(tmp_path, head)
    assert "last finished epoch" in folds.how_to_go_on(tmp_path, network)
    (tmp_path / "fold-1").mkdir()
    (tmp_path / "fold-1" / "checkpoint.npz").touch()
    assert "last finished epoch" in folds.how_to_go_on(tmp_path, head)
