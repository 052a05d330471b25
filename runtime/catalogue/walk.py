"""The files of a library, one after the other: a folder's audio files, or those that a list names."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from runtime.catalogue.objects import check_url, is_url, object_at, objects_below
from toolkit.audio.decode import SUFFIXES
from toolkit.errors import AudioError, CatalogueError, UsageError

STDIN = "-"
MAX_MTIME = (1 << 63) - 1
Problem = Callable[[str, OSError], None]
"""Called with a file or folder that cannot be reached, and why."""


class Candidate(NamedTuple):
    """A file of a library: its absolute path or URL, its size in bytes and the time of its change in nanoseconds."""

    path: str
    size: int
    mtime: int


class Library:
    """A folder with its subfolders, a URL with what is below it, or a list: of a path of a file or folder, or a URL of
    an object, per line, in a file or on standard input.

    Nothing is kept but the identities of folders that were entered: each is read once, however many links lead to it.
    """

    def __init__(self, source: str, leave_out: str = "") -> None:
        """Check that it is there, and keep out of the folder `leave_out`; raise `UsageError` where it is not."""
        self.source, self._leave_out = source, leave_out
        self.is_folder = os.path.isdir(source)
        if is_url(source):
            check_url(source)
        elif not self.is_folder and source != STDIN:
            if not os.path.exists(source):
                raise UsageError(f"{source}: no such file or folder: name a folder of audio files, or a list of them")
            if not os.path.isfile(source):
                raise UsageError(f"{source}: no file that can be read twice: pass the list to standard input, as -")
            if os.path.splitext(source)[1].lower() in SUFFIXES:
                raise UsageError(f"{source}: an audio file: name a folder, or a text file with a path per line")
            if _is_binary(source):
                raise UsageError(f"{source}: no text: name a folder, or a text file with a path per line")

    def candidates(self, problem: Problem) -> Iterator[Candidate]:
        """Yield every audio file of a folder, and every file that a list names, in no certain order."""
        if is_url(self.source):
            yield from self._objects()
            return
        for path in self._paths(problem):
            try:
                candidate = candidate_at(path)
            except OSError as error:
                problem(path, error)
            else:
                yield candidate

    def count(self) -> int | None:
        """Return how many there are; None where that can be read once only."""
        if is_url(self.source):
            return sum(1 for _ in self._objects())
        return None if self.source == STDIN else sum(1 for _ in self._paths(lambda path, error: None))

    def check(self) -> None:
        """Raise `CatalogueError` where the folder is gone, as where a network's is no longer mounted."""
        if self.is_folder and not os.path.isdir(self.source):
            raise CatalogueError(
                f"{self.source}: the folder is gone: what was finished is kept; run the same command when it is back"
            )

    def empty(self) -> AudioError:
        """Return the error of a library without files."""
        if not self.is_folder and not is_url(self.source):
            return AudioError(f"{self.source}: the list names no audio files")
        return AudioError(
            f"{self.source}: there are no audio files in this folder (their names end in {' '.join(sorted(SUFFIXES))})"
        )

    def _objects(self) -> Iterator[Candidate]:
        for item in objects_below(self.source):
            name = item.url.removeprefix(self.source)
            if os.path.splitext(name)[1].lower() in SUFFIXES and "/." not in f"/{name}":
                yield Candidate(*item)

    def _paths(self, problem: Problem) -> Iterator[str]:
        entered: set[tuple[int, int]] = set()
        if os.path.isdir(self._leave_out):
            entered.add(_identity(os.stat(self._leave_out)))
        if self.is_folder:
            yield from _walk(os.path.abspath(self.source), entered, problem)
            return
        seen: set[int] = set()
        for path in (line if is_url(line) else os.path.abspath(line) for line in self._lines()):
            if os.path.isdir(path):
                yield from _walk(path, entered, problem)
            elif hash(path) not in seen:
                seen.add(hash(path))
                yield path

    def _lines(self) -> Iterator[str]:
        if self.source == STDIN:
            yield from _texts(sys.stdin.buffer)
            return
        with open(self.source, "rb") as stream:
            yield from _texts(stream)


def candidate_at(path: str) -> Candidate:
    """Return the file or object at a path or URL; raise `OSError` where it is not to be had."""
    if is_url(path):
        return Candidate(*object_at(path))
    if "\0" in path:
        raise OSError(errno.EINVAL, "no file has a zero byte in its name")
    return candidate_of(path, os.stat(path))


def _is_binary(path: str) -> bool:
    with suppress(OSError), open(path, "rb") as stream:
        return b"\0" in stream.read(4096)
    return False


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines that are not empty, without what ends them and the mark that some editors begin UTF-8 with."""
    for number, line in enumerate(lines):
        stripped = line.rstrip(b"\r\n").removeprefix(b"" if number else codecs.BOM_UTF8)
        if stripped:
            yield os.fsdecode(stripped)


def candidate_of(path: str, status: os.stat_result) -> Candidate:
    """Return the file of a path and its status; a time after 2262 counts as the last one that fits 64 bits."""
    return Candidate(path, status.st_size, min(status.st_mtime_ns, MAX_MTIME))


def _walk(folder: str, entered: set[tuple[int, int]], problem: Problem) -> Iterator[str]:
    """Yield the audio files below a folder; hidden files and folders are left out, links are followed."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            identity = _identity(os.stat(current))
            if identity in entered:
                continue
            entered.add(identity)
            with os.scandir(current) as entries:
                for entry in entries:
                    kind = _kind(entry)
                    if kind == "folder":
                        waiting.append(entry.path)
                    elif kind == "sound":
                        yield entry.path
        except OSError as error:
            problem(current, error)


def _kind(entry: os.DirEntry[str]) -> str:
    """Return what an entry of a folder is: "folder", "sound" or "" for anything else."""
    if entry.name.startswith("."):
        return ""
    is_sound = os.path.splitext(entry.name)[1].lower() in SUFFIXES
    try:
        if entry.is_dir():
            return "folder"
        return "sound" if is_sound and (entry.is_file() or entry.is_symlink()) else ""
    except OSError as error:  # a link that leads to itself
        return "sound" if is_sound and error.errno == errno.ELOOP else ""


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
