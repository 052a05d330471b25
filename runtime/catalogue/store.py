"""What every store of rows can do, and what all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.catalogue.row import COLUMNS, SCHEMA, Row
from toolkit.errors import CatalogueError, UsageError

PARQUET, CSV, SQLITE = (".parquet",), (".csv",), (".sqlite", ".sqlite3", ".db")
SUFFIXES = PARQUET + CSV + SQLITE


class Entry(NamedTuple):
    """What a run needs to know of a row: which version of which file it is of, whether it failed, and its origin."""

    file: str
    size: int
    mtime: int
    failed: bool
    model: str
    settings: str


class Store(Protocol):
    """Rows that are kept. A file may have several: the last one counts."""

    def entries(self) -> Iterator[Entry]:
        """Yield an entry per row, the oldest first."""

    def append(self, rows: Sequence[Row]) -> None:
        """Add rows, all or none; raise `OSError` where they cannot be written."""

    def rows(self) -> Iterator[Row]:
        """Yield the row that counts of every file."""

    def tidy(self) -> None:
        """Remove rows that do not count, and what many small additions cost."""


def check_columns(path: str, names: Sequence[str], version: int | None) -> None:
    """Raise `UsageError` unless columns and the schema's version, None where it is not stated, are ours.

    Those of a newer version are: `CatalogueError`.
    """
    if version is not None and version > SCHEMA:
        raise CatalogueError(
            f"{path}: version {version} of the results, and only {SCHEMA} is known here: update gtzanet-edge"
        )
    if tuple(names) != COLUMNS or version is None:
        raise UsageError(f"{path}: holds no results of this command: name another file")


def superseded(files: Iterable[str]) -> NDArray[np.bool_]:
    """Return of each row, by its file's name, whether a later one is of the same file."""
    return ~counts(np.fromiter(map(hash, files), np.int64))


def counts(hashes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return of each hash, int64 (n,), whether it is the last one of its value."""
    _, first = np.unique(hashes[::-1], return_index=True)
    last = np.zeros(len(hashes), np.bool_)
    last[len(hashes) - 1 - first] = True
    return last
