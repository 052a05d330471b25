"""The command: its output, its errors, its exit codes, and what it does not import."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from runtime import classifier
from runtime.cli import entry
from runtime.default_model import PRETRAINED, find_model
from runtime.engines.load import Engine, open_engine
from runtime.engines.registry import installed
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import AccuracyCard
from toolkit.artifact.file import append_card, read_card, read_model
from toolkit.audio.decode import load
from toolkit.frontend.spec import PICTURE

ROOT = Path(__file__).parents[2]
FORBIDDEN = ("tensorflow", "tf_keras", "keras", "librosa", "numba", "scipy", "PIL", "rich", "matplotlib", "sklearn")


def test_json_is_one_object_a_line(artifacts: Path, sound: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = str(artifacts / "gtzanet-int8.tflite")
    assert entry([str(sound), str(sound), "--json", "--model", model, "--threads", "1"]) == 0
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 2
    for line in lines:
        keys = ["file", "state", "label", "confidence", "probabilities", "windows", "timings_ms", "model", "warnings"]
        assert list(line) == keys and line["state"] == "label" and line["warnings"] == []
        assert line["confidence"] == line["probabilities"][line["label"]]
        (window,) = line["windows"]
        assert window == {"start": 0, "end": 30, "silent": False, "probabilities": line["probabilities"]}
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


@pytest.mark.parametrize(("format", "engine"), [("tflite", "litert"), ("onnx", "onnxruntime")])
def test_engine_and_threads_reach_the_engine(
    artifacts: Path, sound: Path, format: str, engine: str, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    if engine not in installed():
        pytest.skip(f"{engine} is not installed")
    opened: list[dict[str, Any]] = []

    def noted(path: Path, **options: Any) -> Engine:
        opened.append(options)
        return open_engine(path, **options)

    monkeypatch.setattr(classifier, "open_engine", noted)
    model = str(artifacts / f"gtzanet-float32.{format}")
    assert entry([str(sound), "--model", model, "--threads", "3", "--engine", engine]) == 0
    assert [(options["engine"], options["threads"]) for options in opened] == [(engine, 3)]
    assert f"{engine}, 3 threads" in capfd.readouterr().out


def test_a_bad_file_is_reported_and_the_rest_go_on(
    artifacts: Path, sound: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "not.wav").write_text("no sound")
    files = [str(tmp_path / "not.wav"), str(sound), str(tmp_path), str(tmp_path / "absent.wav")]
    assert entry([*files, "--json", "--model", str(artifacts / "gtzanet-int8.tflite")]) == 1
    out, err = capfd.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(sound)]
    *reported, last = err.splitlines()
    assert last == "python -m runtime: 3 of 4 could not be classified"
    assert len(reported) == 3 and all(line.startswith("python -m runtime: error: ") for line in reported)
    for name, line in zip(("not.wav", str(tmp_path), "absent.wav"), reported, strict=True):
        assert name in line


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.wav", "--top", "0"],
        ["a.wav", "--threads", "0"],
        ["a.wav", "--engine", "abacus"],
        ["--what"],
        ["a.wav", "--min-confidence", "1.5"],
        ["a.wav", "--json", "--csv"],
        ["-", "-"],
        ["a.wav", "--hop", "3"],
        ["a.wav", "--device", "1"],
        ["--stream", "--top", "3"],
        ["a.wav", "--rate", "8000"],
        ["a.wav", "--pcm", "s16"],
        ["--listen", "--channels", "2"],
        ["-", "--channels", "0"],
        ["-", "--rate", "500"],
        ["-", "--pcm", "u8"],
        ["info", "a", "b"],
        ["doctor", "a", "b"],
    ],
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


def test_the_default_model_is_the_newest_float32_one(
    artifacts: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "artifacts"
    assert find_model(folder) == PRETRAINED
    folder.mkdir()
    assert find_model(folder) == PRETRAINED
    shutil.copy(artifacts / "gtzanet-int8.tflite", folder / "newest-int8.tflite")
    monkeypatch.chdir(tmp_path)
    assert find_model() == Path("artifacts/newest-int8.tflite")
    for age, name in (
        (200, "old-float32.tflite"),
        (100, "new-float32.tflite"),
        (0, ".new-float32.x.gtzanet-tmp.tflite"),
    ):
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
    label, heavy_modules = done.stdout.split("\n")[:2]
    assert label in {"high", "low", "mid", "wide"}
    assert heavy_modules == ""


def test_the_command_imports_no_more_than_it_needs(artifacts: Path, sound: Path) -> None:
    words = [str(sound), "--json", "--model", str(artifacts / "gtzanet-float32.tflite")]
    others = ["runtime.doctor", "runtime.info", "toolkit.artifact.onnx", "csv", "_hashlib", "soundfile"]
    others += [f"runtime.stream.{name}" for name in ("events", "listen", "sliding_window", "microphone", "pipe")]
    others += ["runtime.stream.mqtt"]
    code = f"""
import sys
import numpy  # some versions of it import OpenSSL
before = set(sys.modules)
from runtime.cli import entry
assert entry({words!r}) == 0
print(*sorted((set(sys.modules) - before) & set({(*FORBIDDEN, *others)!r})))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [""]


@pytest.mark.parametrize(
    ("library", "content", "words"),
    [
        (
            "soundfile",
            "raise OSError('sndfile library not found')",
            "soundfile does not work .OSError: sndfile library not",
        ),
        (
            "numpy",
            "raise ImportError('libopenblas.so.0: cannot open')",
            "numpy does not work .ImportError: libopenblas",
        ),
    ],
)
def test_libraries_that_do_not_work(tmp_path: Path, library: str, content: str, words: str) -> None:
    """The doctor starts all the same, and the command says one sentence."""
    (tmp_path / f"{library}.py").write_text(content)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    processes = [
        subprocess.run(
            [sys.executable, "-m", "runtime", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        for arguments in (["doctor"], ["a.wav"])
    ]
    assert (
        processes[0].returncode == 1 and processes[0].stderr == "" and re.search(f"BAD   {words}", processes[0].stdout)
    )
    assert (
        processes[1].returncode == 1 and len(processes[1].stderr.splitlines()) == 1 and "doctor" in processes[1].stderr
    )


def test_a_file_that_may_not_be_looked_at_does_not_stop_the_rest(artifacts: Path, sound: Path, capfd: Any) -> None:
    model = str(artifacts / "gtzanet-int8.tflite")
    assert entry(["x" * 5000 + ".wav", str(sound), "--json", "--model", model]) == 1
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 1 and "cannot be read" in err


def test_the_command_as_a_process_is_quiet(artifacts: Path, sound: Path) -> None:
    model = str(artifacts / "gtzanet-float32.tflite")
    command = [sys.executable, "-m", "runtime", str(sound), "--json", "--model", model]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == ""
    assert json.loads(done.stdout)["label"]


def test_csv_is_a_table_that_csv_reads(artifacts: Path, sound: Path, tmp_path: Path, capfd: Any) -> None:
    name = tmp_path / 'a "b", c.wav'
    shutil.copy(sound, name)
    assert entry([str(name), str(sound), "--csv", "--model", str(artifacts / "gtzanet-int8.tflite")]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [row["file"] for row in rows] == [str(name), str(sound)]
    for row in rows:
        scores = {label: float(row[label]) for label in ("high", "low", "mid", "wide")}
        assert sum(scores.values()) == pytest.approx(1, abs=1e-5)
        assert row["label"] == max(scores, key=lambda label: scores[label])
        assert float(row["confidence"]) == max(scores.values()) and float(row["total_ms"]) > 0


def test_a_folder_is_its_sounds(artifacts: Path, sound: Path, tmp_path: Path, capfd: Any) -> None:
    for name in ("b.WAV", "a.wav", "inner/c.wav", ".hidden.wav", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sound, tmp_path / "in" / name)
    (tmp_path / "none").mkdir()
    options = ["--json", "--model", str(artifacts / "gtzanet-int8.tflite")]
    assert entry([str(tmp_path / "in"), *options]) == 0
    classified_files = [json.loads(line)["file"] for line in capfd.readouterr().out.splitlines()]
    assert classified_files == [str(tmp_path / "in" / name) for name in ("a.wav", "b.WAV", "inner/c.wav")]
    assert entry([str(tmp_path / "none"), str(sound), *options]) == 1
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 1 and f"{tmp_path / 'none'}: there are no audio files in this folder" in err


def test_links_are_followed_once_and_what_is_left_out_is_reported(
    artifacts: Path, sound: Path, tmp_path: Path, capfd: Any
) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    shutil.copy(sound, elsewhere / "a.wav")
    (folder / "link").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(folder)
    samples, rate = soundfile.read(sound)
    for name in ("b.caf", "c.w64"):
        soundfile.write(folder / name, samples, rate)
    for name in ("d.txt", "e.txt", "README"):
        (folder / name).touch()
    assert entry([str(folder), "--json", "--model", str(artifacts / "gtzanet-int8.tflite")]) == 0
    out, err = capfd.readouterr()
    names = [Path(json.loads(line)["file"]).name for line in out.splitlines()]
    assert sorted(names) == ["a.wav", "b.caf", "c.w64"]
    assert "3 files are left out" in err and "(.txt 2, no suffix 1)" in err


def test_many_files_have_one_aligned_line_each(artifacts: Path, sound: Path, tmp_path: Path, capfd: Any) -> None:
    names = ["a.wav", "a longer name.wav", "line\nbreak.wav"]
    for name in names:
        shutil.copy(sound, tmp_path / name)
    options = ["--model", str(artifacts / "gtzanet-int8.tflite")]
    assert entry([str(tmp_path), *options]) == 0
    _, _, *rows = capfd.readouterr().out.splitlines()
    assert len(rows) == 3 and len({row.index("%") for row in rows}) == 1
    assert [row.split("  ")[0] for row in rows] == [str(tmp_path / name).replace("\n", "\\n") for name in sorted(names)]
    assert entry([str(tmp_path), *options, "--top", "2"]) == 0
    assert capfd.readouterr().out.count("%") == 3 * 2


def test_a_files_name_cannot_act_on_the_terminal(tmp_path: Path, capfd: Any) -> None:
    name = str(tmp_path / "\033[31mred\nline.wav")
    assert entry([name]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "\\x1b[31mred\\nline.wav: no such file" in line and "\033" not in line


def test_an_empty_name_is_misuse(capfd: Any) -> None:
    assert entry([""]) == 2
    assert "name is empty" in capfd.readouterr().err


def test_csv_rows_survive_any_name(artifacts: Path, sound: Path, tmp_path: Path, capfd: Any) -> None:
    name = str(tmp_path / 'a "b",\r\n;c\n.wav')
    shutil.copy(sound, name)
    assert entry([name, "--csv", "--model", str(artifacts / "gtzanet-int8.tflite")]) == 0
    header, row = csv.reader(io.StringIO(capfd.readouterr().out, newline=""))
    assert len(header) == len(row) and row[0] == name


def without_marked_end(source: Path, target: Path) -> None:
    """Write an Ogg file whose last page is not there."""
    samples, rate = soundfile.read(source)
    soundfile.write(target, samples, rate, format="OGG")
    data = target.read_bytes()
    target.write_bytes(data[: data.rindex(b"OggS")])


def test_what_is_doubtful_is_a_warning_and_an_error_where_it_must_be_sure(
    artifacts: Path, sound: Path, tmp_path: Path, capfd: Any
) -> None:
    path = tmp_path / "a.ogg"
    without_marked_end(sound, path)
    options = ["--model", str(artifacts / "gtzanet-int8.tflite")]
    assert entry([str(path), "--json", *options]) == 0
    out, err = capfd.readouterr()
    (warning,) = json.loads(out)["warnings"]
    assert "not marked as the end" in warning and err == f"python -m runtime: warning: {path}: {warning}\n"
    assert entry([str(path), "--csv", *options]) == 0
    header, row = csv.reader(io.StringIO(capfd.readouterr().out))
    assert dict(zip(header, row, strict=True))["warnings"] == warning
    assert entry([str(path), "--strict", *options]) == 1
    out, err = capfd.readouterr()
    assert f"error: {path}: refused by --strict: {warning}" in err


def test_silence_is_no_class(artifacts: Path, tmp_path: Path, capfd: Any) -> None:
    path = tmp_path / "a.wav"
    options = ["--model", str(artifacts / "gtzanet-int8.tflite"), "--min-confidence", "0"]
    for level, state in ((0, "silence"), (0.0005, "silence"), (0.01, "label")):
        samples = level * np.sqrt(2) * np.sin(np.arange(22_050 * 4)) + 0.1  # a constant offset is no sound
        soundfile.write(path, samples, 22_050, subtype="FLOAT")
        assert entry([str(path), "--json", *options]) == 0
        line = json.loads(capfd.readouterr().out)
        assert line["state"] == state and (line["label"] == "silence") == (state == "silence")
        assert (line["confidence"] is None) == (state == "silence")
        assert entry([str(path), *options, "--silence", "-20" if state == "label" else "-150"]) == 0
        assert (": silence  (" in capfd.readouterr().out) == (state == "label" or level == 0)


def test_what_is_not_sure_is_unknown(artifacts: Path, sound: Path, capfd: Any) -> None:
    options = ["--model", str(artifacts / "gtzanet-float32.tflite"), "--min-confidence"]
    assert entry([str(sound), *options, "1", "--json"]) == 0
    line = json.loads(capfd.readouterr().out)
    assert line["label"] == "unknown" and "unknown" not in line["probabilities"]
    assert entry([str(sound), *options, str(line["confidence"]), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["label"] in line["probabilities"]


def test_the_files_own_confidence_counts_unless_a_flag_has_one(tmp_path: Path, sound: Path, capfd: Any) -> None:
    model, path = read_model(PRETRAINED), tmp_path / "sure.tflite"
    card = replace(model.card, format_version=2, min_confidence=1.0)
    path.write_bytes(append_card(model.content[: model.start], card))
    for flags, state in (([], "unknown"), (["--min-confidence", "0"], "label")):
        assert entry([str(sound), "--model", str(path), "--json", *flags]) == 0
        assert json.loads(capfd.readouterr().out)["state"] == state
    assert entry(["info", str(path)]) == 0
    assert "unknown below" in capfd.readouterr().out


@pytest.mark.parametrize(("channels", "format"), [(1, "f32"), (2, "s16")])
def test_raw_samples_on_standard_input(artifacts: Path, sound: Path, channels: int, format: str) -> None:
    samples = np.repeat(load(sound, PICTURE.sample_rate)[:, None], channels, axis=1)
    data = samples.astype("<f4") if format == "f32" else np.rint(samples * 32767).astype("<i2")
    model = str(artifacts / "gtzanet-float32.tflite")
    command = [sys.executable, "-m", "runtime", "-", str(sound), "--json", "--model", model]
    command += ["--rate", "22050", "--channels", str(channels), "--pcm", format]
    done = subprocess.run(command, cwd=ROOT, input=data.tobytes(), capture_output=True, timeout=120)
    assert done.returncode == 0 and done.stderr == b""
    piped, filed = (json.loads(line) for line in done.stdout.splitlines())
    assert piped["file"] == "<stdin>"
    assert piped["probabilities"] == pytest.approx(filed["probabilities"], abs=1e-9 if format == "f32" else 0.05)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "<stdin>: there are no samples"),
        (b"abc", "<stdin>: 3 bytes are no whole"),
        (b"fLaC" + bytes(8), "sound file"),
        (bytes(2 * 44_100 * 1800 + 2), "<stdin>: more than 30 minutes; cut it first"),
    ],
)
def test_standard_input_that_is_no_sound(artifacts: Path, data: bytes, words: str) -> None:
    command = [sys.executable, "-m", "runtime", "-", "--json", "--model", str(artifacts / "gtzanet-int8.tflite")]
    done = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=120)
    assert done.returncode == 1 and done.stdout == b"" and len(done.stderr.splitlines()) == 1
    assert words in done.stderr.decode()


@pytest.mark.parametrize("name", ["gtzanet-int8.tflite", "gtzanet-mixed.onnx"])
def test_info_is_the_card(artifacts: Path, name: str, capfd: Any) -> None:
    assert entry(["info", str(artifacts / name), "--json"]) == 0
    card = Card.from_json(capfd.readouterr().out)
    assert card == read_card(artifacts / name)
    assert entry(["info", str(artifacts / name)]) == 0
    out = capfd.readouterr().out
    assert card.accuracy
    for words in (", ".join(card.labels), card.run_digest, f"{card.accuracy.correct} of {card.accuracy.n}", "22050 Hz"):
        assert words in out
    assert entry(["info", str(artifacts / "none.tflite")]) == 1
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_chance_level_model_gets_one_warning(
    artifacts: Path, sound: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = read_model(artifacts / "gtzanet-int8.tflite")
    accuracy = AccuracyCard("validation", 8, 2, 0.25, (0.07, 0.59))
    assert model.card.parity
    card = replace(model.card, accuracy=accuracy, parity=model.card.parity._replace(keras_correct=2))
    path = tmp_path / "chance.tflite"
    path.write_bytes(append_card(model.content[: model.start], card))
    for form in ([], ["--json"]):
        assert entry([str(sound), "--model", str(path), *form]) == 0
        assert capfd.readouterr().err.count("may be chance (1 in 4 classes)") == 1


def test_loading_a_model_prints_nothing(artifacts: Path) -> None:
    code = f"from runtime import Classifier; Classifier.load({str(artifacts / 'gtzanet-float32.tflite')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("", "")
