"""What is refused before or instead of writing a file: one sentence, an exit code, and nothing left behind."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import pipeline
from export.cli import entry
from export.keras import load_keras
from export.trained_run import check_model
from tests.export.runs import change, copied
from tests.run_maker import made_run, write_pictures
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError, RunError
from toolkit.files import read_json, write_json


def refused(arguments: list[str], capfd: pytest.CaptureFixture[str], output: Path, code: int = 1) -> str:
    """Run the command, which must fail with `code`, one error line, and no file in `output`."""
    try:
        exit_code = entry([*arguments, "--output", str(output)])
    except SystemExit as stop:
        exit_code = int(str(stop.code))
    assert exit_code == code
    assert not output.is_dir() or list(output.iterdir()) == []
    errors = [line for line in capfd.readouterr().err.splitlines() if ": error: " in line]
    assert len(errors) == 1
    return errors[0]


def test_unusable_runs_fail_fast(run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert "no finished run here" in refused(["--runs", str(tmp_path / "none")], capfd, out)
    assert "no such run folder" in refused([str(tmp_path / "none")], capfd, out)
    run = copied(run_folder, tmp_path / "run")
    for name in ("model.keras", "split.json"):
        kept = (run / name).read_bytes()
        (run / name).unlink()
        assert f"{run / name}: is missing: put" in refused([str(run)], capfd, out)
        (run / name).write_bytes(kept)
    (run / "metrics.json").unlink()
    assert "not finished" in refused([str(run)], capfd, out)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model", "../gtzanet", "cannot be a file's name"),
        ("split.digest", "0" * 64, "split.json is not the split"),
        ("front_end.n_mels", -1, "n_mels"),
        ("data", None, "has no data.root"),
        ("classes", ["low", "high", "mid", "wide"], "its classes are not those of its dataset"),
        ("data.digest", "0" * 64, "not the dataset that"),
        ("data.root", "/nowhere/at/all", "no such dataset folder.*--data DIR"),
    ],
)
def test_runs_that_do_not_fit_together(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], path: str, value: Any, message: str
) -> None:
    run = copied(run_folder, tmp_path / "run")
    change(run, path, value)
    assert re.search(message, refused([str(run)], capfd, tmp_path / "out"))


def test_an_edited_configuration_is_refused(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The card would promise a front end other than the one that rendered the training pictures."""
    run = copied(run_folder, tmp_path / "run")
    content = read_json(run / "config.json")
    content["front_end"]["f_max"] = 5000.0
    write_json(run / "config.json", content)
    assert "config.json was edited" in refused([str(run)], capfd, tmp_path / "out")


def test_a_moved_dataset_is_named_with_data_and_a_changed_one_is_refused(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copied(run_folder, tmp_path / "run")
    moved = write_pictures(tmp_path / "moved")
    change(run, "data.root", str(tmp_path / "gone"))
    stopped = "stopped before TensorFlow"

    def stop() -> None:
        raise ArtifactError(stopped)

    monkeypatch.setattr(pipeline, "load_tensorflow", stop)
    out = tmp_path / "out"
    assert stopped in refused([str(run), "--data", str(moved)], capfd, out)
    (moved / "low" / "000.png").unlink()
    assert "31 items here, 32 then" in refused([str(run), "--data", str(moved)], capfd, out)
    (tmp_path / "other" / "folder").mkdir(parents=True)
    message = refused([str(run), "--data", str(tmp_path / "other")], capfd, out)
    assert "not the dataset that" in message and "remove" not in message
    message = refused([str(run), "--data", str(run / "config.json")], capfd, out, code=2)
    assert f"--data {run / 'config.json'}: a file, not a folder" in message


def test_a_damaged_model_is_one_sentence(run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = copied(run_folder, tmp_path / "run")
    content = (run / "model.keras").read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    directory = content.rindex(b"PK\x01\x02")
    newer = content[: directory + 6] + b"\xff" + content[directory + 7 :]  # the version of ZIP that is needed
    for damage in (content[:1000], b"no model", b"", flipped, newer):
        (run / "model.keras").write_bytes(damage)
        assert "model.keras: not a Keras model" in refused([str(run)], capfd, tmp_path / "out")
    for inner in ('{"config": {"layers": []}}', "[" * 100_000):
        with zipfile.ZipFile(run / "model.keras", "w") as archive:
            archive.writestr("config.json", inner)
        assert "model.keras: not a Keras model" in refused([str(run)], capfd, tmp_path / "out")


def test_whatever_keras_fails_with_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tf_keras

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("Unable to synchronously check link existence (bad heap free list)\n\nmore")

    for load in (fail, lambda *_, **__: {"not": "a model"}):
        monkeypatch.setattr(tf_keras.models, "load_model", load)
        with pytest.raises(RunError, match=r"^[^\n]*not a Keras model that can be loaded [^\n]*$"):
            load_keras(tmp_path / "model.keras", (288, 432, 3), 4)


@pytest.mark.parametrize("flag", ["--output", "--data", "--runs", "RUN"])
def test_an_empty_name_is_not_the_current_folder(flag: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        entry([""] if flag == "RUN" else [flag, ""])
    assert f"argument {flag}: the name is empty" in capfd.readouterr().err


def test_a_run_can_be_named_as_it_is_in_the_folder_of_runs(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copied(run_folder, tmp_path / "runs" / "mine")
    (run / "metrics.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    assert "metrics.json: is no JSON object" in refused(["mine"], capfd, tmp_path / "out")
    assert "metrics.json: is no JSON object" in refused(
        ["mine", "--runs", str(tmp_path / "runs")], capfd, tmp_path / "out"
    )


def test_a_new_folder_of_a_failed_export_is_removed(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise ArtifactError("stopped")

    monkeypatch.setattr(pipeline, "load_tensorflow", stop)
    (tmp_path / "there").mkdir()
    for name in ("new", "there"):
        assert "stopped" in refused([str(run_folder)], capfd, tmp_path / name)
    assert not (tmp_path / "new").exists() and (tmp_path / "there").is_dir()


def test_a_model_of_another_run_is_refused(run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import tf_keras

    run = copied(run_folder, tmp_path / "run")
    model = tf_keras.models.load_model(run / "model.keras", compile=False)
    kernel, bias = model.layers[-2].get_weights()
    model.layers[-2].set_weights([kernel[:, [1, 0, 2, 3]], bias[[1, 0, 2, 3]]])
    model.save(run / "model.keras")
    message = refused([str(run)], capfd, tmp_path / "out")
    assert "not the model that this run's metrics were measured on (4 or more of 8 validation inputs get" in message


@pytest.mark.parametrize("confusion", [None, [], [[8]], [["a"] * 4] * 4, [[10**30] * 4] * 4])
def test_metrics_without_a_fitting_confusion_matrix_are_refused(run_folder: Path, confusion: Any) -> None:
    run = Run.load(run_folder)
    broken = replace(run, metrics={"validation": {"confusion": confusion}})
    with pytest.raises(RunError, match="no confusion matrix that fits"):
        check_model(broken, np.eye(4, dtype=np.float32)[[0, 1]], np.array([0, 1]))


def test_output_that_cannot_be_written_fails_first(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    assert entry([str(run_folder), "--output", str(tmp_path / "file")]) == 2
    assert "a file, not a folder" in capfd.readouterr().err
    assert entry([str(run_folder), "--output", str(tmp_path / "file" / "below")]) == 2
    assert f"--output {tmp_path / 'file' / 'below'}: cannot be made (Not a directory)" in capfd.readouterr().err

    def fail(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "locked"))

    monkeypatch.setattr("tempfile.mkstemp", fail)
    assert entry([str(run_folder), "--output", str(tmp_path / "locked")]) == 1
    err = capfd.readouterr().err
    assert "gtzanet-float32.tflite: Permission denied" in err and "reading the dataset" not in err


def test_an_impossible_file_is_refused_before_anything_is_read(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    run = made_run(tmp_path_factory.getbasetemp(), "zfnet")
    message = refused([str(run), "--quantize", "int16x8"], capfd, tmp_path / "out", code=2)
    assert "zfnet-int16x8.tflite cannot be made: TensorFlow Lite's SQUARED_DIFFERENCE" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "coreml"],
        ["--quantize", "int4"],
        ["--calibration", "9"],
        ["--quantize", "--calibration", "0"],
        ["--dynamic-batch"],
        ["--quantize", "int8", "--plan", "conv0=int8"],
        ["--fail-if-slower"],
        ["--io", "uint8"],
        ["--io", "uint8", "--quantize", "float16"],
        ["--io", "uint8", "--quantize", "--format", "onnx"],
    ],
)
def test_misuse_is_exit_2(arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused([str(tmp_path), *arguments], capfd, tmp_path / "out", code=2)
