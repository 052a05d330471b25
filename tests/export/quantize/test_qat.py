"""Quantisation-aware fine-tuning: a network learns with rounding, stays a plain one, and is the same every time."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.keras import Reference, load_tensorflow
from export.quantize import qat
from export.trained_run import open_source
from export.verify.parity import measure
from tests.cards import example_card
from toolkit.artifact.card_sections import FineTuningCard
from toolkit.artifact.file import read_card
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError, RunError

COMMON = ["--calibration", "16", "--max-drop", "10", "--no-speed"]


@pytest.fixture(scope="module")
def learnt(run_folder: Path) -> tuple[Any, Any, list[float]]:
    """Return the run's network, the same fine-tuned in 2 epochs at a high rate, and the losses that were reported."""
    import tf_keras

    load_tensorflow()
    source = open_source(Run.load(run_folder), None)
    items = source.items("train")
    pictures = source.inputs(items)
    models = [tf_keras.models.load_model(run_folder / "model.keras", compile=False) for _ in range(2)]
    lines: list[str] = []
    settings = FineTuningCard(epochs=2, learning_rate=1e-3, seed=0)
    tuned = qat.tuned(models[1], pictures, source.labels(items), pictures[:4], settings, lines.append)
    return models[0], tuned, [float(line.split("loss ")[1].split(",")[0]) for line in lines if ".0 of 2" in line]


@pytest.mark.slow
def test_it_learns_and_stays_a_plain_network(learnt: tuple[Any, Any, list[float]]) -> None:
    own, tuned, losses = learnt
    assert len(losses) == 2 and losses[1] < losses[0]
    assert [type(layer) for layer in tuned.layers] == [type(layer) for layer in own.layers]
    changed = [not np.array_equal(one, two) for one, two in zip(own.get_weights(), tuned.get_weights(), strict=True)]
    assert all(changed[-2:]) and any(changed[:-2])


def test_progress_is_reported_every_ten_seconds_and_after_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches take six seconds on this clock: a line after two of them, and one at the end of the epoch."""
    import tf_keras

    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    aware = SimpleNamespace(compile=lambda *_: None, train_on_batch=lambda inputs, labels: len(inputs), weights=[])
    monkeypatch.setattr(qat, "_aware", lambda model, calibration: aware)
    monkeypatch.setattr(tf_keras.utils, "set_random_seed", lambda seed: None)
    model = SimpleNamespace(weights=[], set_weights=lambda values: None)
    lines: list[str] = []
    inputs, settings = np.zeros((3 * qat.BATCH + 8, 2)), FineTuningCard(epochs=2, learning_rate=1e-3, seed=0)
    qat.tuned(model, inputs, np.zeros(len(inputs), np.int64), inputs[:4], settings, lines.append)
    assert lines == [
        "fine-tuning: epoch 0.6 of 2, loss 16.0000, 30 s left",
        "fine-tuning: epoch 1.0 of 2, loss 14.0000, 24 s left",
        "fine-tuning: epoch 1.6 of 2, loss 16.0000, 10 s left",
        "fine-tuning: epoch 2.0 of 2, loss 14.0000, 0 s left",
    ]


@pytest.mark.slow
def test_it_learns_with_the_rounding_of_an_int8_model(learnt: tuple[Any, Any, list[float]]) -> None:
    """It moves the answers a little, and the ranges are those that pictures reach."""
    own = learnt[0]
    pictures = np.random.default_rng(3).integers(0, 256, (3, 288, 432, 3), np.uint8)
    aware = qat._aware(own, pictures)
    exact = np.asarray(own(pictures.astype(np.float32), training=False))
    rounded = np.asarray(aware(pictures.astype(np.float32), training=False))
    assert 0 < np.abs(rounded - exact).max() < 0.1
    assigned = {weight.name: float(weight) for weight in aware.weights if "post_activation" in weight.name}
    ranges = qat._ranges(own, pictures)
    assert len(assigned) == 2 * len(ranges) == 12
    for name, (low, high) in ranges.items():
        assert low <= 0 < high
        assert assigned[f"quant_{name}/post_activation_min:0"] == pytest.approx(low)
        assert assigned[f"quant_{name}/post_activation_max:0"] == pytest.approx(high)


@pytest.mark.slow
def test_an_export_says_so_and_is_the_same_every_time(run_folder: Path, artifacts: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        options = ["--format", "all", "--quantize", "--qat", "1", "--output", str(tmp_path / name)]
        assert entry([str(run_folder), *options, *COMMON]) == 0
    for path in sorted((tmp_path / "one").iterdir()):
        content = path.read_bytes()
        assert content == (tmp_path / "two" / path.name).read_bytes()
        card = read_card(path)
        plain = read_card(artifacts / path.name)
        if card.quantization == "none":
            assert card.fine_tuning is None and card.model_digest == plain.model_digest
        else:
            assert card.fine_tuning == FineTuningCard(1, qat.LEARNING_RATE, qat.SEED)
            assert card.versions["tensorflow-model-optimization"]
            assert card.model_digest != plain.model_digest
    assert len(list((tmp_path / "one").iterdir())) == 4


def test_a_tuned_model_must_be_near_itself_and_as_right_as_the_runs_own() -> None:
    pictures, labels = np.zeros((40, 2, 2, 3), np.uint8), np.zeros(40, np.int64)
    right = np.tile(np.array([0.9, 0.1], np.float32), (40, 1))
    expected = Reference.of([f"clip {number}" for number in range(40)], pictures, right, labels)
    wrong = right.copy()
    wrong[:20] = wrong[:20, ::-1]
    tuned = expected.of_tuned(lambda batch, training: wrong[: len(batch)])
    measured = measure(example_card(quantization="int8"), tuned.probabilities, tuned, "validation", 100)
    assert (measured.parity.max_abs, measured.parity.keras_correct) == (0, 40)
    with pytest.raises(ArtifactError, match="Keras on 40, more than"):
        measure(example_card(quantization="int8"), tuned.probabilities, tuned, "validation", 1)


@pytest.mark.parametrize("arguments", [["--qat"], ["--quantize", "dynamic", "--qat"], ["--quantize", "--qat", "0"]])
def test_it_belongs_to_int8(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert entry(arguments) == 2
    assert "--qat belongs to --quantize int8 or all, with one epoch or more" in capfd.readouterr().err


def test_without_its_package_it_says_what_to_install(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    hidden = "tensorflow_model_optimization"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == hidden else real(name, *more))
    assert entry([str(run_folder), "--quantize", "--qat", "--output", str(tmp_path / "out")]) == 1
    assert "pip install 'gtzanet-edge[qat]'" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_fails_in_its_process_is_one_sentence(tmp_path: Path) -> None:
    job = qat.Job(str(tmp_path / "none"), str(tmp_path), 16, FineTuningCard(1, qat.LEARNING_RATE, qat.SEED))
    with pytest.raises(RunError, match="^fine-tuning failed: .*none: no such run"):
        qat.fine_tune(job, tmp_path, print)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a process whose parent has ended")
def test_the_process_that_learns_does_not_outlive_the_export(tmp_path: Path) -> None:
    child = "import os, sys, time; from export.quantize.qat import _end_with; _end_with(int(sys.argv[1])); "
    child += "print(os.getpid(), flush=True); time.sleep(100)"
    parent = "import os, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", parent, child], stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        learner = Path("/proc") / process.stdout.readline().strip()
        assert learner.is_dir()
        process.kill()
    deadline = time.monotonic() + 30
    while runs(learner) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(learner)


def runs(process: Path) -> bool:
    """Return whether a process, a folder of /proc, has not ended."""
    try:
        return "State:\tZ" not in (process / "status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_only_linux_has_a_signal_for_the_death_of_a_parent(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("ctypes.CDLL", pytest.fail)
    qat._end_with(1)
