"""Libraries to rows, in processes: what is done, what is not done again, and what goes wrong in between."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime.catalogue import run as run_module
from runtime.catalogue.file_classifier import FileClassifier
from runtime.catalogue.row import Row, Settings
from runtime.catalogue.run import CatalogueRequest, catalogue
from runtime.catalogue.walk import Candidate
from runtime.catalogue.workers import Outcome, Unreachable, computed
from runtime.classifier import Classifier
from runtime.default_model import PRETRAINED
from runtime.timeline.events import Settings as EventSettings
from runtime.timeline.events import events_of
from runtime.timeline.source import file_source
from tests.runtime.catalogue.library import STORES, command, environment, rows_of, run, tone
from toolkit.artifact.file import append_card, read_model
from toolkit.errors import ArtifactError, AudioError, CatalogueError, EngineError, UsageError


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a folder with three tones and a file that is no sound."""
    for number in range(3):
        tone(tmp_path / "m" / "ü" / f"{number}.wav", 300 + 200 * number)
    (tmp_path / "m" / "bad.mp3").write_bytes(b"this is no sound" * 100)
    return tmp_path / "m"


def inline(task: FileClassifier, candidates: Iterator[Candidate], workers: int) -> Generator[Outcome, None, None]:
    """Compute in this process: what is quicker where processes are not what is tested."""
    task.load()
    for candidate in candidates:
        try:
            yield task.row(candidate.path)
        except OSError as error:
            yield Unreachable(candidate.path, error)


def request(library: Path, out: str = "results.parquet", **values: Any) -> CatalogueRequest:
    return CatalogueRequest(
        str(library), str(library.parent / out), **{"model": PRETRAINED, "settings": Settings(), "workers": 1, **values}
    )


def counts(request: CatalogueRequest, compute: Any = inline) -> tuple[int, int, int, int]:
    summary = catalogue(request, lambda line: None, compute)
    return summary.classified, summary.failed, summary.unchanged, summary.unreachable


@pytest.mark.parametrize("out", STORES)
def test_a_library_becomes_rows_and_only_what_changed_is_done_again(library: Path, out: str) -> None:
    job = request(library, out)
    assert counts(job, computed) == (3, 1, 0, 0)
    rows = rows_of(library.parent / out)
    classifier = Classifier.load(threads=1)
    for path in sorted(library.glob("ü/*")):
        row, prediction, status = rows[str(path)], classifier.classify(path), path.stat()
        assert row.label == prediction.label and row.labels == (prediction.label,) and row.error is None
        assert row.probabilities == {label: round(prediction.by_label()[label], 6) for label in classifier.labels}
        assert (row.size, row.mtime, row.duration) == (status.st_size, status.st_mtime_ns, 0.5)
        assert row.model == classifier.card.digest() and row.events is None and len(row.digest) == 64
    failed = rows[str(library / "bad.mp3")]
    assert failed.error and str(library) not in failed.error and failed.label is None and failed.probabilities is None
    assert counts(job) == (0, 0, 4, 0)
    tone(library / "ü" / "1.wav", 1_000)
    tone(library / "new.wav")
    assert counts(job) == (2, 0, 3, 0)
    assert counts(replace(job, retry_failed=True)) == (0, 1, 4, 0)
    after = rows_of(library.parent / out)
    assert after.pop(str(library / "new.wav")).error is None
    assert {name for name in rows if rows[name] != after[name]} == {str(library / "ü" / "1.wav")}
    shutil.copy(library / "ü" / "0.wav", library / "bad.mp3")
    assert counts(job) == (1, 0, 4, 0) and rows_of(library.parent / out)[str(library / "bad.mp3")].error is None


def test_rows_do_not_depend_on_the_number_of_processes(library: Path) -> None:
    for workers in (1, 3):
        catalogue(request(library, f"{workers}.csv", workers=workers), print)
    assert rows_of(library.parent / "1.csv") == rows_of(library.parent / "3.csv")


def test_events_are_those_of_a_timeline(library: Path) -> None:
    tone(library / "long.wav", seconds=40)
    settings = EventSettings()
    catalogue(request(library, settings=Settings(events=settings)), print, inline)
    rows = rows_of(library.parent / "results.parquet")
    classifier = Classifier.load(threads=1)
    expected = list(events_of(classifier, file_source(str(library / "long.wav"), 22_050), settings))
    events = rows[str(library / "long.wav")].events
    assert events and [event.label for event in events] == [event.label for event in expected]
    assert [event.end for event in events] == [round(event.end, 3) for event in expected]
    assert rows[str(library / "bad.mp3")].events is None


def test_a_file_of_the_far_future_is_unchanged_the_next_time(library: Path) -> None:
    path = library / "ü" / "0.wav"
    os.utime(path, ns=(0, 2**63 + 10**9))
    if path.stat().st_mtime_ns < 2**63:
        pytest.skip("the file system holds no such time")
    assert counts(request(library)) == (3, 1, 0, 0) and counts(request(library)) == (0, 0, 4, 0)


def test_silence_and_what_is_unknown(library: Path) -> None:
    catalogue(request(library, "a.csv", settings=Settings(silence=0.0)), print, inline)
    catalogue(request(library, "b.csv", settings=Settings(min_confidence=1.0)), print, inline)
    name = str(library / "ü" / "0.wav")
    silent, unknown = (rows_of(library.parent / out)[name] for out in ("a.csv", "b.csv"))
    assert (silent.label, silent.labels, silent.confidence) == ("silence", (), None)
    assert (unknown.label, unknown.labels) == ("unknown", ()) and unknown.confidence


def test_an_empty_library_is_refused_and_one_of_failures_is_not(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(AudioError, match="there are no audio files in this folder"):
        counts(request(tmp_path / "m"))
    (tmp_path / "list.txt").write_text("\n")
    with pytest.raises(AudioError, match="the list names no audio files"):
        counts(request(tmp_path / "list.txt"))
    (tmp_path / "list.txt").write_text("nothing.wav\n")
    assert counts(request(tmp_path / "list.txt")) == (0, 0, 0, 1)


def test_results_may_lie_inside_the_library(library: Path) -> None:
    job = replace(request(library), out=str(library / "results.parquet"))
    assert counts(job) == (3, 1, 0, 0) and counts(job) == (0, 0, 4, 0)


def other_model(path: Path) -> Path:
    """Write the shipped network with another temperature to a file and return it."""
    model = read_model(PRETRAINED)
    path.write_bytes(append_card(model.content[: model.start], replace(model.card, temperature=2.0)))
    return path


def test_another_model_is_refused_before_any_file_is_read(library: Path) -> None:
    counts(request(library))
    other = other_model(library.parent / "other.tflite")
    with pytest.raises(UsageError, match="holds results of the model gtzanet-float16"):
        counts(request(library, model=other))


def test_a_file_or_folder_that_vanishes_is_tried_again(library: Path) -> None:
    gone: list[str] = []

    def vanishing(
        task: FileClassifier, candidates: Iterator[Candidate], workers: int
    ) -> Generator[Outcome, None, None]:
        for candidate in list(candidates):
            if candidate.path.endswith("0.wav"):
                gone.append(candidate.path)
                os.rename(candidate.path, library.parent / "aside")
            yield from inline(task, iter([candidate]), workers)

    assert counts(request(library), vanishing) == (2, 1, 0, 1)
    os.rename(library.parent / "aside", gone[0])
    assert counts(request(library)) == (1, 0, 3, 0)


def test_a_library_that_vanishes_ends_the_run_and_keeps_what_is_done(library: Path) -> None:
    aside = library.with_name("aside")

    def vanishing(
        task: FileClassifier, candidates: Iterator[Candidate], workers: int
    ) -> Generator[Outcome, None, None]:
        first, *rest = candidates
        yield from inline(task, iter([first]), workers)
        library.rename(aside)
        yield from inline(task, iter(rest), workers)

    with pytest.raises(CatalogueError, match="m: the folder is gone: what was finished is kept"):
        counts(request(library), vanishing)
    aside.rename(library)
    classified, failed, unchanged, unreachable = counts(request(library))
    assert (classified + failed, unchanged, unreachable) == (3, 1, 0)


def test_a_full_disk_is_named_and_the_next_run_goes_on(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "SECONDS_BETWEEN_PARTS", 0.0)
    fsync, calls = os.fsync, [0]

    def full(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CatalogueError, match=r"results.parquet: cannot be written \(No space left on device\)"):
        counts(request(library))
    monkeypatch.undo()
    classified, failed, unchanged, _ = counts(request(library))
    assert (classified + failed, unchanged) == (2, 2)


def test_what_cannot_be_written_is_refused_before_anything_is_read(library: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        counts(request(library, "nowhere/results.csv"))
    (library.parent / "results.csv").mkdir()
    with pytest.raises(UsageError, match="results.csv: a folder: name a file to write"):
        counts(request(library, "results.csv"))


def test_a_model_that_changes_during_the_run_is_not_mixed_in(library: Path) -> None:
    model = library.parent / "model.tflite"
    shutil.copy(PRETRAINED, model)
    task = FileClassifier(model, Settings())
    assert task.origin.labels
    sent = pickle.dumps(task)
    other_model(model)
    with pytest.raises(ArtifactError, match="it changed during the run"):
        pickle.loads(sent).load()


class Deadly(FileClassifier):
    """Ends its process at some files; at one of them the first time only."""

    def row(self, path: str) -> Row:
        if "deadly" in path or ("once" in path and not os.path.exists(path + ".tried")):
            Path(path + ".tried").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().row(path)


def test_a_file_that_kills_its_process_is_quarantined_and_no_other_is_lost(tmp_path: Path) -> None:
    names = [f"{number}.wav" for number in range(20)] + ["deadly.wav", "once.wav"]
    paths = [tone(tmp_path / name) for name in names]
    candidates = [Candidate(str(path), 0, 0) for path in paths]
    outcomes: list[Outcome] = list(computed(Deadly(PRETRAINED, Settings()), iter(candidates), 2))
    rows = {Path(row.file).name: row for row in outcomes if isinstance(row, Row)}
    assert len(outcomes) == len(names) == len(rows)
    assert {name for name, row in rows.items() if row.error} == {"deadly.wav"}
    assert rows["deadly.wav"].error == "the process that reads it ends with signal 9"


class Unloadable(FileClassifier):
    def load(self) -> Classifier:
        raise EngineError("it does not work here")


class Dying(FileClassifier):
    def load(self) -> Classifier:
        os._exit(3)


def test_a_process_that_cannot_start_ends_the_run() -> None:
    candidates = [Candidate("/x.wav", 0, 0)]
    with pytest.raises(EngineError, match="it does not work here"):
        list(computed(Unloadable(PRETRAINED, Settings()), iter(candidates), 1))
    with pytest.raises(EngineError, match="ended with exit code 3 while it loaded the model"):
        list(computed(Dying(PRETRAINED, Settings()), iter(candidates), 1))


def test_a_file_of_others_is_misuse_and_stays(library: Path) -> None:
    other = library.parent / "music.csv"
    other.write_text("artist,title\r\nsomebody,something\r\n")
    done = run(library, "--out", other, "--workers", "1", "--model", PRETRAINED)
    assert (done.returncode, done.stdout) == (2, "")
    assert "music.csv: holds no results of this command: name another file" in done.stderr
    assert other.read_text().startswith("artist,title")


def test_the_command_prints_a_summary_and_returns_1_where_files_failed(library: Path) -> None:
    (library.parent / "work").mkdir()
    done = run(library, "--out", "r.csv", "--workers", "1", "--model", PRETRAINED, cwd=library.parent / "work")
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "r.csv: 3 files classified, 1 failed, 0 unchanged"
    assert "minutes of audio in 0:00:" in lines[1] and "times real time" in lines[1] and "  1 x " in lines[2]
    again = run(library, "--out", "r.csv", "--workers", "1", "--model", PRETRAINED, cwd=library.parent / "work")
    assert again.returncode == 0 and "0 files classified, 0 failed, 4 unchanged" in again.stdout


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_stop_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path, number: int, code: int, word: str) -> None:
    """Ctrl-C comes to all processes of a terminal."""
    sound, count = tone(tmp_path / "m" / "sound.wav", seconds=5), 6_000
    for place in range(1, count):  # so many that they are not done when the first rows are
        os.link(sound, sound.with_name(f"{place}.wav"))
    words = command(tmp_path / "m", "--out", "r.csv", "--workers", "2")
    process = subprocess.Popen(
        words, env=environment(), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    wait_for(tmp_path / "r.csv", process)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    out, errors = (text.decode() for text in process.communicate(timeout=60))
    assert process.returncode == code and out == ""
    assert errors.splitlines()[1:] == [
        "python -m runtime: r.csv: what was finished is kept; the same command goes on",
        f"python -m runtime: {word}",
    ]
    rows = rows_of(tmp_path / "r.csv")
    assert 0 < len(rows) < count and not any(row.error for row in rows.values())


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
