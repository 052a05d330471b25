"""Labels become genres in a library's files, once, and no file is classified again for that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import mutagen
import pytest
import soundfile

from tests.runtime.catalogue.library import STORES, rows_of, run
from tests.toolkit.sounds import RATE, melody, noise


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a folder with three files that hold tags, one that cannot, and one that is no sound."""
    folder = tmp_path / "m"
    folder.mkdir()
    soundfile.write(folder / "a.flac", melody(3), RATE)
    soundfile.write(folder / "b.mp3", noise(1), RATE)
    soundfile.write(folder / "c.ogg", noise(2), RATE)
    soundfile.write(folder / "d.wav", noise(3), RATE)
    (folder / "e.mp3").write_bytes(b"no sound")
    return folder


def genre(path: Path) -> list[str]:
    return list(mutagen.File(path, easy=True).get("genre", []))


@pytest.mark.parametrize("out", STORES)
def test_labels_become_genres_and_rows_are_renewed(library: Path, out: str) -> None:
    words = (library, "--out", library.parent / out, "--workers", "1", "--min-confidence", "0")
    dry = run(*words, "--write-tags", "genre", "--dry-run")
    rows = rows_of(library.parent / out)
    label = rows[str(library / "a.flac")].label
    assert f"{library / 'a.flac'}: {label}\n" in dry.stdout
    assert "genres: 3 would be written, 1 format without a genre tag" in dry.stdout
    assert genre(library / "a.flac") == []
    written = run(*words, "--write-tags", "genre")
    assert "0 files classified, 0 failed, 5 unchanged" in written.stdout
    assert "genres: 3 written, 1 format without a genre tag" in written.stdout
    for name in ("a.flac", "b.mp3", "c.ogg"):
        path = str(library / name)
        new = rows_of(library.parent / out)[path]
        assert genre(library / name) == [new.label]
        assert (new.size, new.mtime) == (os.stat(path).st_size, os.stat(path).st_mtime_ns)
        assert new.digest != rows[path].digest
        assert new.probabilities == rows[path].probabilities
    again = run(*words, "--write-tags", "genre")
    assert "0 files classified, 0 failed, 5 unchanged" in again.stdout
    assert "genres: 0 written, 1 format without a genre tag, 3 has this genre" in again.stdout
    assert again.returncode == 0


def test_unsure_labels_other_genres_and_other_folders_are_left_alone(library: Path) -> None:
    other = Path(shutil.copytree(library, library.parent / "other"))
    for folder in (library, other):
        file = mutagen.File(folder / "a.flac")
        file["genre"] = ["Ambient"]
        file.save()
    out = library.parent / "results.csv"
    words = ("--out", out, "--workers", "1", "--write-tags", "genre")
    assert run(other, *words[:4]).returncode == 1  # of the file that is no sound
    certain = run(library, *words, "--overwrite")
    sure = [row for row in rows_of(out).values() if "/m/" in row.file and (row.confidence or 0) >= 0.5]
    assert f"{4 - len(sure)} not sure enough" in certain.stdout or len(sure) == 4
    assert (genre(library / "a.flac") != ["Ambient"]) == any(row.file.endswith("a.flac") for row in sure)
    assert genre(other / "b.mp3") == []
    assert genre(other / "a.flac") == ["Ambient"]


def test_files_that_changed_or_cannot_be_written_are_reported(library: Path) -> None:
    (library / "b.mp3").chmod(0o444)
    out = run(library, "--out", library.parent / "r.csv", "--min-confidence", "0", "--write-tags", "genre")
    assert out.returncode == 1
    assert f"error: {library / 'b.mp3'}: no genre is written: it is read only" in out.stderr
    assert "genres: 2 written, 1 failed, 1 format without a genre tag" in out.stdout


def test_links_and_names_that_are_no_text_get_their_genre(library: Path) -> None:
    out, odd = library.parent / "results.csv", Path(os.fsdecode(os.fsencode(library) + b"/n\xff.flac"))
    (library / "z.flac").symlink_to("a.flac")
    (library / "0.flac").symlink_to("a.flac")
    shutil.copy(library / "a.flac", odd)
    words = (library, "--out", out, "--workers", "1", "--min-confidence", "0", "--write-tags", "genre")
    written = run(*words)
    assert "no genre is written" not in written.stderr
    assert len(genre(odd)) == len(genre(library / "a.flac")) == 1
    assert "genres: 4 written, 1 format without a genre tag, 2 has this genre" in written.stdout
    assert "0 files classified, 0 failed, 8 unchanged" in run(*words).stdout


def test_leftovers_of_a_killed_process_are_removed(library: Path) -> None:
    old, new = library / ".a.x.gtzanet-tmp.flac", library / ".a.y.gtzanet-tmp.flac"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    run(library, "--out", library.parent / "r.csv", "--min-confidence", "0", "--write-tags", "genre")
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("flag", ["--overwrite", "--dry-run"])
def test_flags_of_tags_need_tags(library: Path, flag: str) -> None:
    out = run(library, "--out", library.parent / "r.csv", flag)
    assert out.returncode == 2
    assert f"{flag} belongs to --write-tags genre" in out.stderr
    assert not (library.parent / "r.csv").exists()
