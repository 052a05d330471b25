"""The command: one text or a file for each sound, what it refuses, and what it does not load."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from runtime.arguments import check, parser, timeline_request
from runtime.classifier import Classifier
from runtime.cli import entry
from runtime.default_model import PRETRAINED
from runtime.sources import Raw
from runtime.stream import events as stream
from runtime.stream.smoothing import Rules
from runtime.timeline import plot, run
from runtime.timeline.events import Settings
from runtime.timeline.formats import FORMATS, Document
from runtime.timeline.run import TimelineRequest, results
from tests.runtime.timeline.coded import BIRD, DOG, RATE, classifier, sound
from toolkit.errors import AudioError, UsageError

ROOT = Path(__file__).parents[3]
MODEL = ["--model", str(PRETRAINED), "--window", "2", "--hop", "2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two sounds of one name, in different formats and subfolders, and a text."""
    samples = sound((DOG, 3.0), (BIRD, 3.0))
    for name in ("in/a.wav", "in/sub/a.flac"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, samples, RATE, subtype="PCM_16")
    (tmp_path / "in/notes.txt").touch()
    return tmp_path


def request(form: str = "csv", **options: Any) -> TimelineRequest:
    return TimelineRequest((), Raw(), Settings(), form, **options)


def shown(chosen: TimelineRequest, names: list[str], **options: Any) -> list[Any]:
    model = classifier(**options)
    return list(results(model, chosen, Document(chosen.form, model.card, names), names))


def test_all_options_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "matplotlib_figure", object)
    words = ["a.wav", "-", "--timeline", "--window", "6", "--hop", "3", "--smooth", "7", "--margin", "0.2"]
    words += ["--threshold", "0.4", "--silence", "-50", "--merge", "1.5", "--strict", "--format", "raven"]
    words += ["--rate", "8000", "--out", str(tmp_path / "out"), "--plot", str(tmp_path / "a.png")]
    arguments = parser("p").parse_args(words)
    check(arguments)
    listening = stream.Settings(3.0, -50.0, Rules(7.0, 0.2, 0.4), window_seconds=6.0)
    assert timeline_request(arguments) == TimelineRequest(
        *(("a.wav", "-"), Raw(8000), Settings(listening, 1.5), "raven", True),
        *(tmp_path / "out", tmp_path / "a.png"),
    )
    for form in ("json", "csv"):
        assert parser("p").parse_args(["a", f"--{form}"]).format == form


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--merge", "1"], "--merge belongs to --timeline"),
        (["--out", "x"], "--out belongs to --timeline"),
        (["--window", "3"], "--window belongs to --timeline, --stream and --listen"),
        (["--format", "rttm"], "--format rttm holds events: give --timeline, too"),
        (["--timeline", "--top", "3"], "--top is for one label a file"),
        (["--timeline", "--merge", "-1"], "--merge is -1: give seconds, 0 or more"),
        (["--timeline", "--merge", "nan"], "--merge is nan"),
        (["--timeline", "--threshold", "2"], "is 2: give a probability, 0 to 1"),
        (["--timeline", "--stall", "2"], "--stall belongs to --stream and --listen"),
        (["--timeline", "--plot", "no/such/folder.png"], "there is no folder no/such"),
        (["--timeline", "--plot", "a.jpg"], "--plot a.jpg: a PNG file is written: use a name ending in .png"),
        (["--timeline", "--out", __file__], "a file, not a folder"),
        (["--timeline", "--window", "31"], "the window is 31 s: it must be above 0 and at most the model's, 30 s"),
        (["--timeline", "--hop", "40"], "the hop is 40 s"),
        (["--timeline", "--format", "midi"], "invalid choice: 'midi'"),
        (["--timeline", "--json", "--csv"], "not allowed with"),
    ],
)
def test_misuse_is_one_sentence(words: list[str], sentence: str, folder: Path, capfd: Any) -> None:
    model = ["--model", str(PRETRAINED)]
    try:
        code = entry([str(folder / "in/a.wav"), *model, *words])
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]
    out, err = capfd.readouterr()
    assert code == 2 and sentence in err and len(err.splitlines()) == 1 and not out


def test_endless_sound_has_no_timeline(capfd: Any) -> None:
    assert entry(["--listen", "--timeline"]) == 2
    assert "--timeline is of files and -" in capfd.readouterr().err


def test_a_folder_is_one_table(folder: Path, capfd: Any) -> None:
    assert entry([str(folder / "in"), "--timeline", "--csv", *MODEL]) == 0
    out, err = capfd.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["file"] for row in rows} == {str(folder / "in" / name) for name in ("a.wav", "sub/a.flac")}
    assert all(float(row["start"]) < float(row["end"]) <= 6 and 0 <= float(row["score"]) <= 1 for row in rows)
    assert "1 file is left out" in err


@pytest.mark.parametrize("form", FORMATS)
def test_each_file_has_its_own(folder: Path, form: str, capfd: Any) -> None:
    """Their paths below the folder tell them apart; nothing else is there."""
    out = folder / "out"
    assert entry([str(folder / "in"), "--timeline", "--format", form, "--out", str(out), *MODEL]) == 0
    suffix = FORMATS[form].suffix
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert files == [f"a.wav{suffix}", f"sub/a.flac{suffix}"]
    assert f"in {out / f'sub/a.flac{suffix}'}" in capfd.readouterr().out
    texts = [(out / file).read_text() for file in files]
    assert all(text.endswith("\n") and text.count("\n") >= 1 for text in texts)
    if form == "json":
        assert [Path(json.loads(text)["file"]).name for text in texts] == ["a.wav", "a.flac"]


def test_names_that_would_collide(folder: Path) -> None:
    other = folder / "other"
    shutil.copytree(folder / "in", other)
    names = [str(folder / "in/a.wav"), str(other / "a.wav"), "-"]
    chosen = request(folder=folder / "out")
    below = [path.relative_to(folder / "out") for path in run._targets(chosen, names) if path]
    assert below == [Path("in/a.wav.csv"), Path("other/a.wav.csv"), Path("<stdin>.csv")]
    with pytest.raises(UsageError, match="given twice, but --out holds one file of each"):
        shown(chosen, [names[0], str(folder / "in/sub/../a.wav")])


def test_matplotlib_and_audacity_show_one_file(folder: Path, capfd: Any) -> None:
    names = [str(folder / "in/a.wav"), str(folder / "in/sub/a.flac")]
    with pytest.raises(UsageError, match="a label track is of one file, and there are 2: give --out FOLDER, too"):
        shown(request("audacity"), names)
    with pytest.raises(UsageError, match="--plot shows one file, and there are 2: name one"):
        shown(request(picture=folder / "a.png"), names)
    assert entry([*names, "--timeline", "--csv", "--plot", str(folder / "a.png"), *MODEL]) == 2
    assert capfd.readouterr().out == ""


def test_what_cannot_be_read_does_not_end_the_rest_and_leaves_nothing(folder: Path) -> None:
    whole = (folder / "in/a.wav").read_bytes()
    bad = folder / "in/cut.wav"
    bad.write_bytes(whole[: len(whole) // 2])
    out = folder / "out"
    names = [str(bad), str(folder / "in/a.wav")]
    first, second = shown(request(folder=out), names)
    assert "cut.wav: the file is truncated" in first.error and first.text == ""
    assert second.error == "" and second.text.endswith(f"2 events in {out / 'a.wav.csv'}")
    assert [path.name for path in out.rglob("*")] == ["a.wav.csv"]


def test_sounds_are_read_one_by_one(folder: Path) -> None:
    names = [str(folder / "in/a.wav"), str(folder / "in/absent.wav")]
    model, chosen = classifier(), request()
    outcomes = results(model, chosen, Document("csv", model.card, names), names)
    assert len(next(outcomes).text.splitlines()) == 2
    shutil.copy(names[0], names[1])
    assert next(outcomes).error == ""


def test_a_full_disk_is_a_sentence_and_nothing_half_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    out = folder / "out"
    assert entry([str(folder / "in/a.wav"), "--timeline", "--out", str(out), *MODEL]) == 1
    err = capfd.readouterr().err
    assert "a.wav.txt: No space left on device" in err and "Traceback" not in err
    assert not any(path.is_file() for path in out.rglob("*"))


def test_a_file_name_that_is_no_text(folder: Path) -> None:
    name = os.fsdecode(os.fsencode(str(folder / "in/")) + b"\xff\n.wav")
    shutil.copy(folder / "in/a.wav", name)
    for form in FORMATS:
        (outcome,) = shown(request(form, folder=folder / form), [name])
        assert outcome.error == "" and outcome.text.isprintable()


def test_strict_refuses_what_is_doubtful(folder: Path) -> None:
    path = folder / "in/antiphase.wav"
    samples = sound((DOG, 3.0))
    soundfile.write(path, np.stack([samples, -samples], axis=1), RATE, subtype="FLOAT")
    (outcome,) = shown(request(), [str(path)])
    assert len(outcome.warnings) == 1 and "cancel each other" in outcome.warnings[0] and "dog" in outcome.text
    (outcome,) = shown(request(strict=True), [str(path)])
    assert "refused by --strict: its channels cancel" in outcome.error


@pytest.mark.parametrize(("data", "words"), [(b"", "there are no samples"), (b"RIFF" * 999, "bytes of a sound file")])
def test_standard_input_that_is_no_sound(data: bytes, words: str) -> None:
    command = [sys.executable, "-m", "runtime", "-", "--timeline", "--json", *MODEL]
    done = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, timeout=120)
    assert done.returncode == 1 and done.stdout == b""
    assert f"error: <stdin>: {words}" in done.stderr.decode() or words in done.stderr.decode()
    assert len(done.stderr.splitlines()) == 1


def test_standard_input_is_a_file_too_and_nothing_heavy_is_loaded(folder: Path) -> None:
    samples, _ = soundfile.read(folder / "in/a.wav", dtype="int16")
    script = (
        "import sys; from runtime.cli import entry; entry(sys.argv[1:]); "
        "print(*[name for name in ('matplotlib', 'PIL', 'scipy', 'tensorflow', 'rich') if name in sys.modules])"
    )
    words = ["-", str(folder / "in/a.wav"), "--rate", str(RATE), "--timeline", "--json", *MODEL]
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, cwd=ROOT, input=samples.tobytes(), capture_output=True, text=False, timeout=120)
    piped, filed, loaded = done.stdout.decode().split("\n")[:3]
    assert done.stderr == b"" and loaded == ""
    first, second = json.loads(piped), json.loads(filed)
    assert (first["file"], second["file"]) == ("<stdin>", str(folder / "in/a.wav"))
    assert {**first, "file": ""} == {**second, "file": ""} and first["seconds"] == 6


def test_a_timeline_in_a_program() -> None:
    from runtime.timeline.events import events_of

    model = Classifier.load(PRETRAINED, threads=1)
    settings = Settings(stream.Settings(window_seconds=2.0, hop_seconds=2.0))
    assert [event.end for event in events_of(model, [], settings)] == []
    with pytest.raises(AudioError, match="NaN"):
        list(events_of(model, [np.array([np.nan], np.float32)], settings))
    assert replace(settings, merge_seconds=1.0).merge_seconds == 1
