"""Which files of a library are still to be classified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from runtime.catalogue.row import file_name
from runtime.catalogue.store import Entry, counts
from runtime.catalogue.walk import Candidate


class Finished:
    """The versions of files whose rows are there, in 16 bytes each."""

    def __init__(self, entries: Iterable[Entry], *, retry_failed: bool) -> None:
        """Read a store's entries; rows that failed do not count where they are to be retried."""
        hashes = ((hash(entry.file), _version(entry.file, entry.size, entry.mtime), entry.failed) for entry in entries)
        table = np.fromiter(hashes, [("file", np.int64), ("version", np.int64), ("failed", np.bool_)])
        table = table[counts(table["file"])]
        self._versions = np.sort(table["version"][~(table["failed"] & retry_failed)])

    def __len__(self) -> int:
        return len(self._versions)

    def __contains__(self, version: tuple[str, int, int]) -> bool:
        """Return whether a file of this name, size and time of change has a row."""
        value = _version(*version)
        place = np.searchsorted(self._versions, value)
        return bool(place < len(self._versions) and self._versions[place] == value)


def _version(file: str, size: int, mtime: int) -> int:
    return hash((file, size, mtime))


class Plan:
    """The files that have no row yet, or changed since.

    Attributes
    ----------
    seen
        How many files the library has yielded so far.
    unchanged
        How many of them have a row.
    """

    def __init__(self, candidates: Iterable[Candidate], finished: Finished) -> None:
        self.seen = self.unchanged = 0
        self._candidates, self._finished = candidates, finished

    def __iter__(self) -> Iterator[Candidate]:
        for candidate in self._candidates:
            self.seen += 1
            if (file_name(candidate.path), candidate.size, candidate.mtime) in self._finished:
                self.unchanged += 1
            else:
                yield candidate
