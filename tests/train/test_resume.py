"""A run that is killed again and again ends with the weights of one that never was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.toolkit.trees import picture_tree, write_picture, write_sound

DRIVER = Path(__file__).with_name("driver.py")
COMPUTE = ("--threads", "2", "--shards", "4", "--device", "cpu")
RECIPE = ("--split", "stratified", "--epochs", "3", "--batch-size", "8", *COMPUTE)
"""Four shards on two threads, as a default run; `test_step.py` sees to it that no sum depends on their order."""

pytestmark = pytest.mark.slow


def drive(point: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DRIVER), point, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_tree(tmp_path_factory.mktemp("data") / "tree", count=6)


def start(point: str, data: Path, runs: Path, name: str) -> subprocess.CompletedProcess[str]:
    return drive(point, "gtzanet", "--data", data, "--runs", runs, "--name", name, *RECIPE)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that was never interrupted."""
    runs = tmp_path_factory.mktemp("whole")
    done = start("nowhere", data, runs, "run")
    assert done.returncode == 0, done.stderr
    return runs / "run"


def test_killed_anywhere_ends_the_same(data: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    points = (
        "mid-epoch",
        "half-checkpoint",
        "after-checkpoint",
        "mid-epoch",
        "after-checkpoint",
        "after-checkpoint",
        "before-metrics",
    )
    for number, point in enumerate(points):
        done = drive(point, "--resume", run) if number else start(point, data, tmp_path, "run")
        assert done.returncode == -signal.SIGKILL, (point, done.stderr)
        assert not (run / "metrics.json").exists()
    (run / "split.json").write_text("{}")  # what it holds is known from the configuration
    done = drive("nowhere", "--resume", "--runs", tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("model.keras", "predictions.json", "split.json"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    histories = [json.loads((folder / "history.json").read_text()) for folder in (run, whole)]
    for entries in histories:
        for entry in entries:
            del entry["seconds"]
    assert histories[0] == histories[1]
    assert sorted(path.name for path in run.iterdir()) == sorted(path.name for path in whole.iterdir())


def test_a_finished_run_has_what_the_later_stages_need(whole: Path) -> None:
    from toolkit.data.run_folder import Run, newest_run

    assert newest_run(whole.parent) == whole
    run = Run.load(whole)
    assert run.config["classes"] == ["hum", "tap"]
    assert run.metrics["validation"]["n"] == len(run.split.validation)
    assert not (whole / "checkpoint.npz").exists()
    report = (whole / "report.md").read_text()
    assert f"{run.metrics['validation']['correct']}/{run.metrics['validation']['n']}" in report


def test_resume_refuses_a_changed_dataset(data: Path, tmp_path: Path) -> None:
    moved = picture_tree(tmp_path / "tree", count=6)
    assert start("mid-epoch", moved, tmp_path / "runs", "run").returncode == -signal.SIGKILL
    write_picture(moved / "hum" / "000.png", 4242)
    done = drive("nowhere", "--resume", tmp_path / "runs" / "run")
    assert done.returncode == 1
    assert "changed since this run began" in done.stderr and "Traceback" not in done.stderr


def test_resume_finds_a_dataset_that_moved(data: Path, tmp_path: Path) -> None:
    first = picture_tree(tmp_path / "first", count=6)
    assert start("after-checkpoint", first, tmp_path / "runs", "run").returncode == -signal.SIGKILL
    first.rename(tmp_path / "second")
    lost = drive("nowhere", "--resume", tmp_path / "runs" / "run")
    assert lost.returncode in (1, 2) and "first" in lost.stderr and "Traceback" not in lost.stderr
    done = drive("nowhere", "--resume", tmp_path / "runs" / "run", "--data", tmp_path / "second")
    assert done.returncode == 0, done.stderr


def test_resume_refuses_a_checkpoint_of_another_shape(data: Path, tmp_path: Path) -> None:
    assert start("after-checkpoint", data, tmp_path, "run").returncode == -signal.SIGKILL
    path = tmp_path / "run" / "checkpoint.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "digest"}
    arrays["weights_000"] = arrays["weights_000"][..., :4]
    np.savez(path, **arrays)
    done = drive("nowhere", "--resume", tmp_path / "run")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "do not fit the network" in done.stderr and path.exists()


def test_a_run_that_fails_before_its_first_checkpoint_leaves_no_folder(data: Path, tmp_path: Path) -> None:
    rate = ("--learning-rate", "900", "--momentum", "0.99")
    done = drive("nowhere", "gtzanet", "--data", data, "--runs", tmp_path, *RECIPE, *rate)
    assert done.returncode == 1 and "the training diverged" in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_class_names_may_look_like_formulas(tmp_path: Path) -> None:
    tree = picture_tree(tmp_path / "tree", classes=("a$AP_$", "tap"), count=6)
    done = drive("nowhere", "gtzanet", "--data", tree, "--runs", tmp_path, "--name", "run", *RECIPE, "--epochs", "1")
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert (tmp_path / "run" / "confusion-validation.png").exists() and (tmp_path / "run" / "metrics.json").exists()


def test_resume_refuses_a_finished_run(whole: Path) -> None:
    done = drive("nowhere", "--resume", whole)
    assert done.returncode == 2 and "finished" in done.stderr


def test_the_best_epoch_is_kept_even_after_kills(data: Path, tmp_path: Path) -> None:
    """What is kept of a run is what a run that ends at its best epoch keeps, and a kill changes nothing."""
    rate = ("--learning-rate", "0.05", "--keep", "best", "--seed", "3")
    for name, points in (("whole", ("nowhere",)), ("killed", ("after-checkpoint", "mid-epoch", "nowhere"))):
        for number, point in enumerate(points):
            first = ("gtzanet", "--data", data, "--runs", tmp_path, "--name", name, *RECIPE, *rate)
            done = drive(point, *(("--resume", tmp_path / name) if number else first))
        assert done.returncode == 0, done.stderr
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert (whole / "model.keras").read_bytes() == (killed / "model.keras").read_bytes()
    history = json.loads((whole / "history.json").read_text())
    best = max(range(3), key=lambda n: (history[n]["val_accuracy"], -history[n]["val_loss"], -n)) + 1
    assert f"kept: epoch {best} of 3" in done.stdout
    assert f"Epoch {best} is what is reported" in (whole / "report.md").read_text()
    more = ("--epochs", str(best), "--learning-rate", "0.05", "--keep", "last", "--seed", "3", "--name", "short")
    done = drive("nowhere", "gtzanet", "--data", data, "--runs", tmp_path, *RECIPE, *more)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "short" / "model.keras").read_bytes() == (whole / "model.keras").read_bytes()
    assert "keep" not in json.loads((tmp_path / "short" / "config.json").read_text())["recipe"]


def test_a_modern_run_killed_anywhere_ends_the_same(tmp_path: Path) -> None:
    """The optimizer's moments, the averages, the cosine's place and every random choice outlive a kill."""
    for number in range(12):
        write_sound(tmp_path / "data" / ("hum", "tap")[number % 2] / f"{number:02}.wav", number, seconds=1.0)
    places = ("--data", tmp_path / "data", "--cache", tmp_path / "cache", "--runs", tmp_path, "--window", "1")
    flags = ("--split", "stratified", "--epochs", "3", "--batch-size", "4", "--threads", "2")
    modern = ("--averaging", "0.9", "--augment", "strong")
    for name, points in (("whole", ("nowhere",)), ("killed", ("after-checkpoint", "mid-epoch", "nowhere"))):
        for number, point in enumerate(points):
            done = drive(
                point,
                *(("--resume", tmp_path / name) if number else ("edgenet", *places, *flags, *modern, "--name", name)),
            )
        assert done.returncode == 0, done.stderr
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    recipe = json.loads((whole / "config.json").read_text())["recipe"]
    assert (recipe["optimizer"], recipe["mixup"], recipe["augment"]) == ("adamw", 0.4, "strong")
    for name in ("model.keras", "predictions.json"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), name
    rates = [entry["learning_rate"] for entry in json.loads((killed / "history.json").read_text())]
    assert 0.003 >= rates[0] > rates[1] > rates[2] >= 1e-5
    assert "3 epochs of AdamW" in (whole / "report.md").read_text()
