"""The command: its output, its errors, its exit codes, and what it does not import."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cli import entry, find_model
from toolkit.errors import ArtifactError

ROOT = Path(__file__).parents[2]
FORBIDDEN = ("tensorflow", "tf_keras", "keras", "librosa", "numba", "scipy", "PIL", "rich", "matplotlib", "sklearn")


def test_json_is_one_object_a_line(artifacts: Path, sound: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = str(artifacts / "gtzanet-int8.tflite")
    assert entry([str(sound), str(sound), "--json", "--model", model, "--threads", "1"]) == 0
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 2
    for line in lines:
        assert set(line) == {"file", "label", "probabilities", "windows", "timings_ms", "model"}
        assert line["file"] == str(sound)
        assert line["model"] == "gtzanet-int8"
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-9)
    assert err == ""


def test_the_table_names_model_and_labels(artifacts: Path, sound: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert entry([str(sound), "--model", str(artifacts / "gtzanet-float32.tflite"), "--top", "2"]) == 0
    out, err = capfd.readouterr()
    assert "gtzanet-float32" in out and "validation accuracy" in out and "n = 8" in out
    rows = [line.split()[0] for line in out.splitlines() if "%" in line]
    assert len(rows) == 2 and set(rows) < {"high", "low", "mid", "wide"}
    assert err == ""


def test_a_bad_file_is_reported_and_the_rest_go_on(
    artifacts: Path, sound: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "not.wav").write_text("no sound")
    files = [str(tmp_path / "not.wav"), str(sound), str(tmp_path), str(tmp_path / "absent.wav")]
    assert entry([*files, "--json", "--model", str(artifacts / "gtzanet-int8.tflite")]) == 1
    out, err = capfd.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(sound)]
    reported = err.splitlines()
    assert len(reported) == 3 and all(line.startswith("python -m runtime: error: ") for line in reported)
    for name, line in zip(("not.wav", str(tmp_path), "absent.wav"), reported, strict=True):
        assert name in line


@pytest.mark.parametrize(
    "arguments", [[], ["a.wav", "--top", "0"], ["a.wav", "--threads", "0"], ["a.wav", "--engine", "abacus"], ["--what"]]
)
def test_misuse_is_exit_2_and_one_line(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    try:
        code = entry(arguments)
    except SystemExit as stop:
        code = int(str(stop.code))
    assert code == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_bad_models_are_one_line_and_exit_1(sound: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.tflite"
    for content in (b"", b"some text", b"\x1c\0\0\0TFL3" + bytes(99)):
        path.write_bytes(content)
        assert entry([str(sound), "--model", str(path)]) == 1
        out, err = capfd.readouterr()
        assert out == "" and len(err.splitlines()) == 1 and str(path) in err


def test_without_a_model_it_says_what_to_do(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry([str(sound)]) == 1
    assert "python -m export" in capfd.readouterr().err
    (tmp_path / "artifacts").mkdir()
    with pytest.raises(ArtifactError, match="there is no .tflite or .onnx file in artifacts;.*--model"):
        find_model(Path("artifacts"))


def test_the_default_model_is_the_newest_float32_one(
    artifacts: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    shutil.copy(artifacts / "gtzanet-int8.tflite", folder / "newest-int8.tflite")
    monkeypatch.chdir(tmp_path)
    assert find_model(folder).name == "newest-int8.tflite"
    for age, name in ((200, "old-float32.tflite"), (100, "new-float32.tflite"), (0, ".new-float32.x.tmp.tflite")):
        shutil.copy(artifacts / "gtzanet-float32.tflite", folder / name)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    shutil.copy(artifacts / "gtzanet-float32.tflite", folder / "newer-waveform-float32.tflite")
    assert find_model(folder).name == "new-float32.tflite", "a front end inside is slower here"
    assert entry([str(sound), "--json"]) == 0
    assert "using artifacts/new-float32.tflite" in capfd.readouterr().err


def test_classifying_imports_nothing_heavy(artifacts: Path, sound: Path) -> None:
    code = f"""
import sys
import runtime
assert "numpy" not in sys.modules, "importing runtime is not cheap"
print(runtime.Classifier.load({str(artifacts / "gtzanet-int8.tflite")!r}).classify({str(sound)!r}).label)
print(*sorted(set(sys.modules) & set({FORBIDDEN!r})))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    label, found = done.stdout.split("\n")[:2]
    assert label in {"high", "low", "mid", "wide"}
    assert found == ""


def test_the_command_as_a_process_is_quiet(artifacts: Path, sound: Path) -> None:
    model = str(artifacts / "gtzanet-float32.tflite")
    command = [sys.executable, "-m", "runtime", str(sound), "--json", "--model", model]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == ""
    assert json.loads(done.stdout)["label"]
