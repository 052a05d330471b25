"""Rows in one CSV file, which grows at its end; nested values are JSON."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runtime.catalogue.row import COLUMNS, Row, flat_cells, row_of_flat
from runtime.catalogue.store import Entry, check_columns, superseded
from toolkit.errors import CatalogueError
from toolkit.files import atomic_path, write_bytes

LONGEST_CELL = 1 << 30
NUMBERS = {"size": int, "mtime": int, "duration": float, "confidence": float, "schema": int}
OPTIONAL = ("duration", "label", "confidence", "probabilities", "events", "error")


class CsvStore:
    """A CSV file (RFC 4180) with a line of columns' names. A last line that a killed process left half is cut off."""

    def __init__(self, path: str) -> None:
        """Open the file; raise `UsageError` if it is not ours."""
        csv.field_size_limit(LONGEST_CELL)
        self._path = Path(path)
        self._end: int | None = None  # of the last whole line
        if self._exists():
            _, header = next(self._lines(), (0, []))
            _, first = next(self._records(), (0, {"schema": "1"}))
            version = first.get("schema", "")
            check_columns(path, header, int(version) if version.isascii() and version.isdigit() else None)

    def entries(self) -> Iterator[Entry]:
        for end, values in self._records():
            try:
                size, mtime = int(values["size"]), int(values["mtime"])
            except ValueError:
                raise self._damaged(end) from None
            yield Entry(values["file"], size, mtime, values["error"] != "", values["model"], values["settings"])

    def append(self, rows: Sequence[Row]) -> None:
        content = _written(flat_cells(row) for row in rows)
        if not self._exists():
            write_bytes(self._path, _written([COLUMNS]) + content)
            return
        if self._end is None:
            self._end = [end for end, _ in self._lines()][-1]
        with self._path.open("r+b") as stream:
            stream.truncate(self._end)
            stream.seek(self._end)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        self._end += len(content)

    def rows(self) -> Iterator[Row]:
        old = superseded(entry.file for entry in self.entries())
        for (end, values), is_old in zip(self._records(), old, strict=True):
            if not is_old:
                try:
                    row = _row(values)
                except ValueError:
                    raise self._damaged(end) from None
                yield row

    def tidy(self) -> None:
        if not superseded(entry.file for entry in self.entries()).any():
            return
        with atomic_path(self._path) as temporary, temporary.open("wb") as stream:
            stream.write(_written([COLUMNS]))
            for row in self.rows():
                stream.write(_written([flat_cells(row)]))
        self._end = None

    def _exists(self) -> bool:
        return self._path.is_file() and self._path.stat().st_size > 0

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the whole lines below the first, as texts by column, and where each ends."""
        lines = self._lines()
        _, header = next(lines, (0, []))
        for end, cells in lines:
            if len(cells) != len(header):
                raise self._damaged(end)
            yield end, dict(zip(header, cells, strict=True))

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the whole lines of CSV and the byte after each; one in quotes may have several lines of text."""
        size, end = self._path.stat().st_size if self._exists() else 0, 0

        def texts() -> Iterator[str]:
            nonlocal end
            with self._path.open("rb") as stream:
                for line in stream:
                    end += len(line)
                    yield line.decode("utf-8", "replace") if line.endswith(b"\n") else ""

        try:
            for cells in csv.reader(texts() if size else (), strict=True):
                if cells:
                    yield end, cells
        except csv.Error:
            if end < size:
                raise self._damaged(end) from None  # else the file ends within quotes

    def _damaged(self, end: int) -> CatalogueError:
        return CatalogueError(f"{self._path}: damaged before byte {end}: repair that line, or name another file")


def _written(lines: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def _row(values: dict[str, str]) -> Row:
    cells: dict[str, Any] = {name: None if name in OPTIONAL and not text else text for name, text in values.items()}
    for name, number in NUMBERS.items():
        cells[name] = None if cells[name] is None else number(cells[name])
    return row_of_flat(cells)
