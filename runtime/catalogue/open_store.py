"""Which store a path names, and whether its rows are of the same origin as those to be added."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime.catalogue.objects import is_url
from runtime.catalogue.row import Origin
from runtime.catalogue.storage import folder_at, locked
from runtime.catalogue.store import CSV, PARQUET, SQLITE, SUFFIXES, Entry, Store
from toolkit.command import output_file
from toolkit.errors import UsageError


def store_at(path: str, labels: Sequence[str] = ()) -> Store:
    """Return the store that a path names by its suffix, for rows with these labels' probabilities; none to read alone.

    Raises
    ------
    UsageError
        If the suffix is none of `SUFFIXES`, Parquet cannot be read or written here, or something else than our rows is
        there.
    CatalogueError
        If our rows are damaged, or a newer version's.
    """
    suffix = Path(path).suffix.lower()
    if suffix in PARQUET:
        from runtime.catalogue.parquet import ParquetStore

        return ParquetStore(path, labels)
    if is_url(path):
        raise UsageError(f"{path}: results in object storage are Parquet: use a name ending in {PARQUET[0]}")
    if suffix in CSV:
        from runtime.catalogue.csv_file import CsvStore

        return CsvStore(path)
    if suffix in SQLITE:
        from runtime.catalogue.sqlite import SqliteStore

        return SqliteStore(path)
    raise UsageError(f"{path}: results are Parquet, CSV or SQLite: use a name ending in {', '.join(SUFFIXES)}")


@contextmanager
def writable_store(path: str, origin: Origin) -> Iterator[Store]:
    """Yield the store at a path for rows of one origin; no other process writes there in the block.

    Raises
    ------
    UsageError, CatalogueError
        As `store_at` and `locked`; `UsageError`, too, if it holds rows of another model or of other settings.
    """
    path = _place(path)
    if Path(path).suffix.lower() not in PARQUET and not is_url(path):
        output_file(Path(path), "--out")
    with locked(path):
        store = store_at(path, origin.labels)
        for entry in store.entries():
            if (entry.model, entry.settings) != (origin.model, origin.settings):
                raise UsageError(_mixed(path, entry, origin))
        yield store


def existing_store(path: str) -> Store:
    """Return the store at a path to be read; raise `UsageError` where there is none, and as `store_at`."""
    if not (folder_at(path).names() if is_url(path) else Path(path).exists()):
        raise UsageError(f"{path}: there are no results (no such file)")
    return store_at(_place(path))


def _place(path: str) -> str:
    """Return where a link leads, so that two names of one store are one."""
    return path if is_url(path) else os.path.realpath(path)


def _mixed(path: str, entry: Entry, origin: Origin) -> str:
    if entry.model != origin.model:
        theirs, ours = (f"{json.loads(row.settings)['model']} ({row.model[:12]}...)" for row in (entry, origin))
        return f"{path}: holds results of the model {theirs}, and this run's is {ours}: name another file with --out"
    return (
        f"{path}: holds results with the settings {entry.settings}, and this run's are {origin.settings}: give the "
        "same flags, or name another file with --out"
    )
