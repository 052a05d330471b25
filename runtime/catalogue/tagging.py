"""The labels of a store's rows as the genres in the files' tags.

A tag changes its file's size and time, by which a run knows what it has classified. So the row is renewed, too: the
next run does not classify the file again. One that is killed between the two does so once, with the same result.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from runtime.catalogue.row import Row, file_name, path_of
from runtime.catalogue.store import Store
from runtime.catalogue.walk import Candidate
from runtime.tags.write import Outcome, Tagging, write_genre
from toolkit.files import file_digest, remove_leftovers
from toolkit.native_stderr import captured_stderr

MIN_CONFIDENCE = 0.5
"""The least confidence of a label that is written, where neither the command nor the model file states one."""
RENEWED_AT_ONCE = 256
LEFT_FOR_SECONDS = 600
"""Temporary files that are older are of a process that was killed."""
UNSURE = "not sure enough"


@dataclass(frozen=True)
class TagRequest:
    """Whether labels are written over other genres, and whether it is only shown what would be written."""

    overwrite: bool = False
    dry_run: bool = False


class Tagger:
    """Writes the genres of a run's files; `show` accepts a line per file that gets one, `report` one per failure."""

    def __init__(self, request: TagRequest, show: Callable[[str], None], report: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._request, self._show, self._report = request, show, report
        self._files = array("q")
        self._swept: set[Path] = set()
        self._replaced: set[int] = set()  # what was written to, as it was before: links lead to it, too

    @property
    def failed(self) -> int:
        """How many files could not be written to."""
        return self.counts[Outcome.FAILED]

    def watched(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """Yield a run's files, and remember by 8 bytes each which they are: a store may have others, too."""
        for candidate in candidates:
            self._files.append(hash(file_name(candidate.path)))
            yield candidate

    def run(self, store: Store, min_confidence: float | None) -> None:
        """Write the genre of every file of the run that the store has a label of, as sure as `min_confidence` or more.

        Raises
        ------
        OSError
            If a disk is full, or its file system read only; what was written before counts.
        """
        renewed: list[Row] = []
        try:
            for row in self._sure_rows(store, MIN_CONFIDENCE if min_confidence is None else min_confidence):
                if self._write(row) and not self._request.dry_run:
                    renewed.append(_renewed(row))
                if len(renewed) >= RENEWED_AT_ONCE:
                    full, renewed = renewed, []
                    store.append(full)
        finally:
            store.append(renewed)
            store.tidy()

    def line(self) -> str:
        """Return what was done."""
        verb = "would be written" if self._request.dry_run else "written"
        counts = [f"{count:,} {kind}" for kind, count in sorted(self.counts.items()) if kind != Outcome.WRITTEN]
        return ", ".join([f"genres: {self.counts[Outcome.WRITTEN]:,} {verb}", *counts])

    def _sure_rows(self, store: Store, least: float) -> Iterator[Row]:
        """Yield the rows whose label is sure enough. They are kept in a file: a store that grows cannot be read."""
        files = np.sort(np.frombuffer(self._files, np.int64))
        with tempfile.TemporaryFile() as spool:
            kept = 0
            for row in store.rows():
                place = np.searchsorted(files, hash(row.file))
                if row.error is not None or place == len(files) or files[place] != hash(row.file):
                    continue
                if not row.labels or (row.confidence or 0) < least:
                    self.counts[UNSURE] += 1
                    continue
                pickle.dump(row, spool)
                kept += 1
            spool.seek(0)
            for _ in range(kept):
                yield pickle.load(spool)

    def _write(self, row: Row) -> bool:
        """Return whether a file gets the genre of its row, or has got it by another name."""
        tagging = self._tagging(row)
        self.counts[tagging.outcome] += 1
        if tagging.outcome is Outcome.FAILED:
            self._report(f"error: {row.file}: no genre is written: {tagging.reason}")
        if tagging.outcome is Outcome.WRITTEN:
            before = f" in place of {', '.join(tagging.previous)}" if tagging.previous else ""
            self._show(f"{row.file}: {row.labels[0]}{before}")
        return tagging.outcome is Outcome.WRITTEN or self._is_stale(row)

    def _is_stale(self, row: Row) -> bool:
        """Return whether this run itself changed the file, so that its row is to be renewed."""
        path = path_of(row.file)
        return hash((os.path.realpath(path), row.size, row.mtime)) in self._replaced

    def _tagging(self, row: Row) -> Tagging:
        path = Path(path_of(row.file))
        try:
            status = path.stat()
        except OSError as error:
            return Tagging(Outcome.FAILED, error.strerror or "")
        version = hash((os.path.realpath(path), row.size, row.mtime))
        if (status.st_size, status.st_mtime_ns) != (row.size, row.mtime) and version not in self._replaced:
            return Tagging(Outcome.FAILED, "it changed after it was classified: run the command again")
        if not self._request.dry_run and path.parent not in self._swept:
            self._swept.add(path.parent)
            remove_leftovers(path.parent, older_than=LEFT_FOR_SECONDS)
        with captured_stderr():  # decoders have remarks of their own
            tagging = write_genre(path, row.labels[0], self._request.overwrite, self._request.dry_run)
        if tagging.outcome is Outcome.WRITTEN:
            self._replaced.add(version)
        return tagging


def _renewed(row: Row) -> Row:
    path = Path(path_of(row.file))
    status = path.stat()
    return replace(row, size=status.st_size, mtime=status.st_mtime_ns, digest=file_digest(path))
