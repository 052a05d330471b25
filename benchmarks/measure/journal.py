"""What a benchmark has measured so far, line by line in a file, so that one that was cut off can go on."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.files import digest_of, write_text

SUFFIX = ".unfinished"


class Journal:
    """Notes of one benchmark. Every note is on the disk when `note` returns.

    A line that is cut off, or does not fit its digest, is ignored, and so is every later one. Without a path nothing is
    kept; with one, there is a file from the first note on.
    """

    def __init__(self, path: Path | None = None, settings: Mapping[str, Any] | None = None) -> None:
        """Read the notes in `path`, which must be of a benchmark with equal `settings`.

        Raises `UsageError` if they are of another benchmark, or no notes at all: nothing of them is touched.
        """
        self._path = path
        self._head = {"benchmark": digest_of(settings)}
        self._notes = _notes_in(path, self._head) if path is not None and path.exists() else []
        self._written = False
        self.begun = len(self._notes)
        """How many notes an earlier benchmark left."""

    @property
    def path(self) -> Path | None:
        """Where the notes are, if there are any."""
        return self._path if self._notes else None

    def last(self, kind: str, name: str) -> Any:
        """Return the last note of a kind and name, or None."""
        notes = (note["value"] for note in reversed(self._notes) if (note["kind"], note["name"]) == (kind, name))
        return next(notes, None)

    def all(self, kind: str) -> list[Any]:
        """Return all notes of a kind, in their order."""
        return [note["value"] for note in self._notes if note["kind"] == kind]

    def note(self, kind: str, name: str, value: Any) -> None:
        """Keep a value as JSON: tuples become lists."""
        whole = json.loads(json.dumps({"kind": kind, "name": name, "value": value}))
        self._notes.append(whole | {"digest": digest_of(whole)})
        if self._path is None:
            return
        if self._written:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(self._notes[-1]) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        else:  # half a line at the end of an earlier one's goes
            write_text(self._path, "".join(json.dumps(line) + "\n" for line in [self._head, *self._notes]))
            self._written = True

    def finish(self) -> None:
        """Remove the notes: the benchmark is done."""
        if self._path is not None and self._notes:
            self._path.unlink(missing_ok=True)


def _notes_in(path: Path, head: dict[str, str]) -> list[dict[str, Any]]:
    """Return the notes in a file whose first line is `head`."""
    lines = _lines(path)
    if not lines or lines[0].keys() != head.keys():
        raise UsageError(f"{path}: in the place of a benchmark's notes there is something else: move it away")
    if lines[0] == head:
        return lines[1:]
    if len(lines) > 1:
        raise UsageError(
            f"{path}: holds what a benchmark of other files, options or versions has measured so far: repeat its "
            "command to go on with it, or remove this file"
        )
    return []


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the head of a file of notes and its notes, up to the first that does not fit its digest."""
    values: list[dict[str, Any]] = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        for line in path.read_bytes().splitlines(keepends=True):
            value = json.loads(line.decode("utf-8"))
            whole = line.endswith(b"\n") and isinstance(value, dict)
            if not (whole and (not values or _is_note(value))):
                break
            values.append(value)
    return values


def _is_note(value: dict[str, Any]) -> bool:
    content = {key: item for key, item in value.items() if key != "digest"}
    return content.keys() == {"kind", "name", "value"} and value.get("digest") == digest_of(content)
