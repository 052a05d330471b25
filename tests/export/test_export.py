"""The whole export: files that load anywhere, repeat byte for byte, and are absent when anything is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.variants import PRECISIONS
from runtime import Classifier
from tests.export.runs import change, copied
from tests.run_maker import CLASSES, PER_CLASS, PLAN
from toolkit.artifact.file import model_files, read_card
from toolkit.data.run_folder import Run

ROOT = Path(__file__).parents[2]
NAMES = ("gtzanet-float32.tflite", "gtzanet-int8.tflite")


def test_cards_tell_what_the_files_are(artifacts: Path, run_folder: Path) -> None:
    run = Run.load(run_folder)
    for name in NAMES:
        card = read_card(artifacts / name)
        assert card.labels == CLASSES
        assert card.run_digest == run.config["digest"]
        assert card.dataset.digest == run.config["data"]["digest"]
        assert card.split.digest == run.split.digest
        assert card.accuracy.n == len(run.split.validation) == len(CLASSES) * PER_CLASS // 4
        assert card.accuracy.correct / card.accuracy.n == card.accuracy.accuracy > 0.9
        assert card.front_end.to_dict() == run.config["front_end"]
        assert set(card.versions) == {"tensorflow", "tf_keras", "numpy"}
    float32, int8 = (read_card(artifacts / name) for name in NAMES)
    assert float32.parity.max_abs <= 1e-5 and float32.parity.top1_agreement == 1
    assert float32.calibration is None and float32.input.scale is None
    assert float32.float_ops == int8.float_ops == ()
    assert int8.calibration is not None and (int8.calibration.items, int8.calibration.edges) == (16, 6)
    assert int8.input.dtype == int8.output.dtype == "int8"
    assert int8.input.scale == pytest.approx(1, abs=0.01) and int8.input.zero_point == -128
    assert (artifacts / NAMES[1]).stat().st_size < 0.4 * (artifacts / NAMES[0]).stat().st_size


@pytest.mark.parametrize("name", NAMES)
def test_files_load_in_tensorflow_too_and_say_the_same_there(artifacts: Path, name: str) -> None:
    import tensorflow as tf

    picture = np.random.default_rng(5).integers(0, 256, (288, 432, 3)).astype(np.uint8)
    interpreter = tf.lite.Interpreter(model_path=str(artifacts / name))
    interpreter.allocate_tensors()
    card = read_card(artifacts / name)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    value = picture[None].astype(np.float32)
    if card.quantization == "int8":
        scale, zero_point = source["quantization"]
        value = np.clip(np.round(value / scale) + zero_point, -128, 127).astype(np.int8)
    interpreter.set_tensor(source["index"], value)
    interpreter.invoke()
    scores = interpreter.get_tensor(target["index"])[0].astype(np.float64)
    if card.quantization == "int8":
        scores = (scores - target["quantization"][1]) * target["quantization"][0]
    runtime_scores = Classifier.load(artifacts / name).scores(picture)
    np.testing.assert_allclose(
        runtime_scores, scores / scores.sum(), atol=1e-5 if card.quantization == "none" else 0.02
    )


def test_all_weights_and_activations_of_the_int8_file_are_integers(artifacts: Path) -> None:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(
        model_path=str(artifacts / NAMES[1]),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    assert {np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()} <= {"int8", "int32"}


@pytest.mark.slow
def test_a_repeat_in_another_process_gives_the_same_bytes(run_folder: Path, tmp_path: Path) -> None:
    options = ["--format", "all", "--quantize", "all", "--plan", PLAN, "--calibration", "16", "--no-speed"]
    theirs = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA")  # what another test may have set for its own process
    environment = {key: value for key, value in os.environ.items() if key not in theirs}
    for run, output in ((run_folder, "first"), (copied(run_folder, tmp_path / "elsewhere" / "renamed"), "out")):
        command = [sys.executable, "-m", "export", str(run), "--output", str(tmp_path / output), *options]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in model_files(tmp_path / "first"))
    assert len(names) == sum(map(len, PRECISIONS.values()))
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()
    # Its own progress lines are all there is: TensorFlow and the converter are silent.
    assert all(line.startswith("python -m export: ") for line in done.stderr.splitlines())
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == [str(tmp_path / "out" / n) for n in names]


def test_the_newest_finished_run_is_the_default(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, created in (("a", "2026-01-03"), ("b", "2026-01-02"), ("c", "2026-01-04")):
        change(copied(run_folder, tmp_path / "runs" / name), "created", created)
    (tmp_path / "runs" / "c" / "metrics.json").unlink()
    seen: list[Path] = []

    def record(run: Run, **options: Any) -> list[Any]:
        seen.append(run.path)
        return []

    monkeypatch.setattr("export.cli.export_run", record)
    monkeypatch.chdir(tmp_path)
    assert entry([]) == 0
    assert [path.name for path in seen] == ["a"]


@pytest.mark.slow
def test_onnx_files_with_a_free_batch_classify(run_folder: Path, artifacts: Path, tmp_path: Path) -> None:
    arguments = ["--format", "onnx", "--quantize", "all", "--calibration", "16", "--dynamic-batch", "--no-speed"]
    arguments += ["--plan", PLAN]
    assert entry([str(run_folder), *arguments, "--max-drop", "10", "--output", str(tmp_path)]) == 0
    picture = np.random.default_rng(7).integers(0, 256, (288, 432, 3)).astype(np.uint8)
    for path in model_files(tmp_path):
        free, fixed = Classifier.load(path), Classifier.load(artifacts / path.name)
        assert free.card.input.shape == (1, 288, 432, 3)
        np.testing.assert_allclose(free.scores(picture), fixed.scores(picture), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_an_int8_file_may_take_and_give_other_types(run_folder: Path, artifacts: Path, tmp_path: Path, io: str) -> None:
    arguments = ["--quantize", "--io", io, "--calibration", "16", "--max-drop", "10", "--output", str(tmp_path)]
    assert entry([str(run_folder), *arguments]) == 0
    ours, int8 = (Classifier.load(folder / NAMES[1]) for folder in (tmp_path, artifacts))
    assert (ours.card.input.dtype, ours.card.output.dtype, ours.card.quantization) == (io, io, "int8")
    pictures = np.random.default_rng(6).integers(0, 256, (5, 288, 432, 3)).astype(np.uint8)
    for picture in pictures:
        np.testing.assert_allclose(ours.scores(picture), int8.scores(picture), atol=0.02)


@pytest.mark.slow
def test_a_synthetic_run_says_so_on_its_card(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = copied(run_folder, tmp_path / "run")
    change(run, "data.synthetic", True)
    assert entry([str(run), "--output", str(tmp_path / "out")]) == 0
    dataset = read_card(tmp_path / "out" / NAMES[0]).dataset
    assert dataset.synthetic and "knows no music" in dataset.notice
