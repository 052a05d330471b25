"""What a benchmark has measured so far, line by line in a file, so that one that was cut off can go on."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.files import digest_of, write_text

SUFFIX = ".unfinished"
_NOTE = {"kind", "name", "value"}


class Journal:
    """Notes of one benchmark. Every note is on the disk when `note` returns; half a line at the end is not heeded.

    Without a path nothing is kept.
    """

    def __init__(self, path: Path | None = None, settings: Mapping[str, Any] | None = None) -> None:
        """Take up the notes in `path` if they are of a benchmark with equal `settings`; begin anew elsewhere."""
        self._path = path
        self._notes: list[tuple[str, str, Any]] = []
        self.begun = 0
        """How many notes an earlier benchmark left."""
        if path is None:
            return
        head = {"benchmark": digest_of(settings)}
        known = _lines(path)
        if known[:1] == [head]:
            self._notes = [(line["kind"], line["name"], line["value"]) for line in known[1:]]
        self.begun = len(self._notes)
        write_text(path, _text([head, *known[1:]] if self._notes else [head]))

    @property
    def path(self) -> Path | None:
        """Where the notes are."""
        return self._path

    def found(self, kind: str, name: str) -> Any:
        """Return what was noted last of something, or None."""
        return next((value for *key, value in reversed(self._notes) if key == [kind, name]), None)

    def all(self, kind: str) -> list[Any]:
        """Return everything of a kind that was noted, in its order."""
        return [value for known, _, value in self._notes if known == kind]

    def note(self, kind: str, name: str, value: Any) -> None:
        """Keep a JSON value."""
        self._notes.append((kind, name, value))
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(_text([{"kind": kind, "name": name, "value": value}]))
                stream.flush()
                os.fsync(stream.fileno())

    def finish(self) -> None:
        """Remove the notes: what they were for is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _text(lines: Sequence[Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _lines(path: Path) -> list[Any]:
    """Return the whole lines of a file of JSON lines up to the first that is no note."""
    found: list[Any] = []
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            value = json.loads(line)
            if found and not (isinstance(value, dict) and value.keys() == _NOTE):
                break
            found.append(value)
    return found
