"""Rows in one table of an SQLite file; nested values are JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.catalogue.row import COLUMNS, SCHEMA, Row, flat_cells, row_of_flat
from runtime.catalogue.store import Entry, check_columns
from toolkit.errors import CatalogueError, GtzanetError, UsageError

_INTEGERS, _REALS = ("size", "mtime", "schema"), ("duration", "confidence")


class SqliteStore:
    """A table `results`, in which a file has one row; a transaction adds rows. `user_version` is the schema's."""

    def __init__(self, path: str) -> None:
        """Open the file; raise `UsageError` if it is not ours, `CatalogueError` if it cannot be read."""
        self._path = path
        if Path(path).exists() and Path(path).stat().st_size:
            try:
                with self._open() as database:
                    names = [name for _, name, *_ in database.execute("PRAGMA table_info(results)")]
                    (version,) = database.execute("PRAGMA user_version").fetchone()
                    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.Error as error:
                raise self._unreadable(error) from None
            if tables or version:  # else a process was killed before its first rows were there
                check_columns(path, names, version or None)

    def entries(self) -> Iterator[Entry]:
        for file, size, mtime, failed, model, settings in self._read(
            "SELECT file, size, mtime, error IS NOT NULL, model, settings FROM results"
        ):
            yield Entry(file, size, mtime, bool(failed), model, settings)

    def append(self, rows: Sequence[Row]) -> None:
        marks = ", ".join("?" * len(COLUMNS))
        try:
            with self._open() as database:
                database.execute("BEGIN")  # the table and its version appear with the rows, whenever a kill comes
                database.execute(_TABLE)
                database.execute(f"PRAGMA user_version = {SCHEMA}")
                database.executemany(f"INSERT OR REPLACE INTO results VALUES ({marks})", map(flat_cells, rows))
        except sqlite3.Error as error:
            raise OSError(0, str(error), self._path) from None

    def rows(self) -> Iterator[Row]:
        for values in self._read(f"SELECT {', '.join(COLUMNS)} FROM results ORDER BY rowid"):
            try:
                row = row_of_flat(dict(zip(COLUMNS, values, strict=True)))
            except ValueError as error:
                what = f"the row of {values[0]} is damaged ({error})"
                raise CatalogueError(f"{self._path}: {what}: delete it, and its file is classified again") from None
            yield row

    def tidy(self) -> None:
        """Do nothing: a row replaces the one before."""

    def _read(self, query: str) -> Iterator[tuple]:  # type: ignore[type-arg]
        if Path(self._path).exists() and Path(self._path).stat().st_size:
            try:
                with self._open() as database:
                    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchone():
                        yield from database.execute(query)
            except sqlite3.Error as error:
                raise self._unreadable(error) from None

    def _unreadable(self, error: sqlite3.Error) -> GtzanetError:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_NOTADB:
            return UsageError(f"{self._path}: no SQLite file: name another file")
        if code == sqlite3.SQLITE_BUSY:
            return CatalogueError(f"{self._path}: another program has locked it: close it there, and try again")
        return CatalogueError(f"{self._path}: cannot be read as SQLite ({error}): name another file")

    def _open(self) -> _Database:
        return _Database(self._path)


class _Database(sqlite3.Connection):
    """A connection that is closed, too, where its block ends."""

    def __exit__(self, *error: object) -> bool:  # type: ignore[override]
        try:
            return bool(super().__exit__(*error))  # type: ignore[arg-type]
        finally:
            self.close()


def _column(name: str) -> str:
    kind = "INTEGER" if name in _INTEGERS else "REAL" if name in _REALS else "TEXT"
    return f"{name} {kind}{' PRIMARY KEY' if name == 'file' else ''}"


_TABLE = f"CREATE TABLE IF NOT EXISTS results ({', '.join(map(_column, COLUMNS))})"
