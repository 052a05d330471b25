"""A library's files: what is walked, what is left out, what cannot be reached."""

from __future__ import annotations

import codecs
import io
import os
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.catalogue import walk
from runtime.catalogue.plan import Finished, Plan
from runtime.catalogue.store import Entry
from runtime.catalogue.walk import Candidate, Library
from toolkit.errors import CatalogueError, UsageError


def walked(source: Path | str, leave_out: str = "") -> tuple[list[str], list[str]]:
    """Return the files of a library and what could not be reached."""
    problems: list[str] = []
    library = Library(str(source), leave_out)
    files = [candidate.path for candidate in library.candidates(lambda path, error: problems.append(path))]
    count = library.count()
    assert count is None or count == len(files) + len([name for name in problems if not os.path.isdir(name)])
    return sorted(files), problems


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_nested_unicode_hidden_and_linked(tmp_path: Path) -> None:
    root = tmp_path / "m"
    names = [
        "a.wav",
        "b/c/d/e.MP3",
        "\u00fc \u6f22/\U0001f3b5.flac",
        "line\nbreak/tab\t.ogg",
        "notes.txt",
        ".hidden/f.wav",
    ]
    touch(*(root / name for name in names), root / ".g.wav", tmp_path / "away" / "h.wav")
    (root / "b" / "loop").symlink_to(root)
    (root / "away").symlink_to(tmp_path / "away")
    (root / "away again").symlink_to(tmp_path / "away")
    (root / "self.wav").symlink_to(root / "self.wav")
    (root / "broken.wav").symlink_to(root / "nothing.wav")
    os.mkfifo(root / "pipe.wav")
    (root / "folder.wav").mkdir()
    bytes_name = os.fsdecode(os.fsencode(root) + b"/\xff.wav")
    Path(bytes_name).write_bytes(b"x")
    files, problems = walked(root)
    away = [name for name in files if name.endswith("h.wav")]
    assert len(away) == 1 and sorted(set(files) - set(away)) == sorted(
        [*(str(root / name) for name in names[:4]), bytes_name]
    )
    assert sorted(problems) == [str(root / "broken.wav"), str(root / "self.wav")]


def test_a_folder_that_cannot_be_read_is_reported_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be root, who may read everything."""
    touch(tmp_path / "a" / "x.wav", tmp_path / "closed" / "y.wav", tmp_path / "z.wav")

    def scandir(path: str) -> Any:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return os.scandir(path)

    monkeypatch.setattr(walk, "os", SimpleNamespace(**{**vars(os), "scandir": scandir}))
    files, problems = walked(tmp_path)
    assert files == [str(tmp_path / "a" / "x.wav"), str(tmp_path / "z.wav")]
    assert problems == [str(tmp_path / "closed")]


def test_the_results_inside_the_library_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav", tmp_path / "r.parquet" / "b.wav")
    assert walked(tmp_path, str(tmp_path / "r.parquet"))[0] == [str(tmp_path / "a.wav")]


def test_a_list_names_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a.sound", tmp_path / "m" / "b.wav", tmp_path / "c.wav")
    text = b"a.sound\r\n\nm\nm/../c.wav\nc.wav\nm\nno\xff.wav\n"
    (tmp_path / "list.txt").write_bytes(text)
    monkeypatch.chdir(tmp_path)
    expected = [str(tmp_path / name) for name in ("a.sound", "c.wav", "m/b.wav")]
    assert walked("list.txt") == (expected, [os.fsdecode(os.fsencode(tmp_path) + b"/no\xff.wav")])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    assert walked("-")[0] == expected and Library("-").count() is None


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    with pytest.raises(UsageError, match="no such file or folder"):
        Library(str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="a.wav: an audio file: name a folder"):
        Library(str(tmp_path / "a.wav"))
    (tmp_path / "list").write_bytes(b"a.wav\0b.wav\n")
    with pytest.raises(UsageError, match="list: no text: name a folder"):
        Library(str(tmp_path / "list"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe: no file that can be read twice: pass the list to standard input"):
        Library(str(tmp_path / "pipe"))


def test_a_line_that_names_nothing_possible_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that was written by an editor begins with a mark, and one from a pipe may hold anything."""
    touch(tmp_path / "a.wav")
    lines = codecs.BOM_UTF8 + os.fsencode(tmp_path / "a.wav") + b"\r\nx\0y.wav\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    problems: list[str] = []
    candidates = list(Library("-").candidates(lambda path, error: problems.append(f"{path}: {error.strerror}")))
    assert [candidate.path for candidate in candidates] == [str(tmp_path / "a.wav")]
    assert len(problems) == 1 and problems[0].endswith("y.wav: no file has a zero byte in its name")


def test_a_folder_that_vanished_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    library = Library(str(tmp_path / "m"))
    library.check()
    (tmp_path / "m").rmdir()
    with pytest.raises(CatalogueError, match="the folder is gone: what was finished is kept"):
        library.check()


class _Entry:
    def __init__(self, number: int) -> None:
        self.name = f"{number}.wav"
        self.path = f"/m/{self.name}"

    def is_dir(self) -> bool:
        return False

    def is_file(self) -> bool:
        return True


class _Folder:
    """What `os.scandir` returns of a folder with a million files."""

    def __enter__(self) -> Iterator[_Entry]:
        return map(_Entry, range(1_000_000))

    def __exit__(self, *_: object) -> None:
        pass


def test_a_million_files_take_no_more_memory_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that size takes long to make: the system's calls are replaced."""
    library = Library(str(Path.cwd()))
    status = os.stat(Path.cwd())
    calls = {**vars(os), "scandir": lambda path: _Folder(), "stat": lambda path: status}
    monkeypatch.setattr(walk, "os", SimpleNamespace(**calls))
    tracemalloc.start()
    try:
        assert sum(1 for _ in library.candidates(lambda path, error: None)) == 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def entry(file: str, size: int = 1, mtime: int = 2, failed: bool = False) -> Entry:
    return Entry(file, size, mtime, failed, "", "")


def test_what_has_a_row_is_not_planned_unless_it_changed_or_is_retried() -> None:
    entries = [
        entry("/a"),
        entry("/b", failed=True),
        entry("/c"),
        entry("/c", 5),
        entry("/d", failed=True),
        entry("/d"),
    ]
    candidates = [Candidate(f"/{name}", 1, 2) for name in "abcde"] + [Candidate("/a", 1, 3), Candidate("/a", 2, 2)]

    def planned(*, retry_failed: bool) -> tuple[list[Candidate], int, int]:
        plan = Plan(candidates, Finished(entries, retry_failed=retry_failed))
        return list(plan), plan.seen, plan.unchanged

    changed = [Candidate("/c", 1, 2), Candidate("/e", 1, 2), *candidates[5:]]
    assert planned(retry_failed=False) == (changed, 7, 3)
    assert planned(retry_failed=True) == ([Candidate("/b", 1, 2), *changed], 7, 2)


def test_finished_files_take_few_bytes_each() -> None:
    tracemalloc.start()
    try:
        finished = Finished((entry(f"/m/{number}.wav") for number in range(100_000)), retry_failed=False)
        assert tracemalloc.get_traced_memory()[0] < 1_700_000
    finally:
        tracemalloc.stop()
    assert ("/m/99999.wav", 1, 2) in finished and ("/m/99999.wav", 1, 3) not in finished
