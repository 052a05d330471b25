"""Rows in a folder of Parquet files, as every reader of Parquet accepts it; each file is whole or absent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.catalogue.row import COLUMNS, Row, cells, row_of
from runtime.catalogue.storage import folder_at
from runtime.catalogue.store import Entry, check_columns, superseded
from toolkit.errors import CatalogueError, UsageError

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import parquet
except ModuleNotFoundError:
    raise UsageError(
        "Parquet needs pyarrow, which is not installed: run pip install 'gtzanet-edge[catalogue]', or name a .csv or "
        ".sqlite file"
    ) from None

pa.set_memory_pool(pa.system_memory_pool())  # the others keep what they once had
PART_ROWS = 10_000
"""Parts are joined up to so many rows."""
MANY_PARTS = 64
"""So many parts of half as many rows are joined."""
BATCH = 256
PART = re.compile(r"part-(\d{8})\.parquet")
KEYS = ("file", "size", "mtime", "error", "model", "settings")


class ParquetStore:
    """A folder of parts, `part-00000001.parquet` and so on, in the order in which they were added.

    Parts are joined by replacing the last one by all of them, and deleting the others after that. A process that is
    killed between leaves rows twice, of which the last counts; `tidy` removes the others.
    """

    def __init__(self, path: str, labels: Sequence[str] = ()) -> None:
        """Open the folder; raise `UsageError` if something else is there, `CatalogueError` if our parts are damaged."""
        if Path(path).is_file():
            raise UsageError(f"{path}: a file, but results are a folder of Parquet files: name another")
        self._path, self._folder = path, folder_at(path)
        self._schema = _schema(labels)
        visible = (name for name in self._folder.names() if not name.startswith("."))  # else of a killed process
        self._parts = [name for name in visible if name.endswith(".parquet")]
        self._rows = {name: self._checked(name) for name in self._parts}

    def entries(self) -> Iterator[Entry]:
        for file, size, mtime, error, model, settings in self._values(KEYS):
            yield Entry(file, size, mtime, error is not None, model, settings)

    def append(self, rows: Sequence[Row]) -> None:
        if rows:
            self._write(self._next_name(), pa.Table.from_pylist([cells(row) for row in rows], schema=self._schema))
        if sum(count < PART_ROWS / 2 for count in self._rows.values()) >= MANY_PARTS:
            self._join(PART_ROWS)

    def rows(self) -> Iterator[Row]:
        old = self._superseded()
        number = 0
        for name in self._parts:
            file = self._file(name)
            with self._damage(name):
                for batch in file.iter_batches(BATCH, use_threads=False):
                    for values in batch.to_pylist():
                        if not old[number]:
                            yield row_of(values)
                        number += 1

    def tidy(self) -> None:
        old = self._superseded()
        first = 0
        for name in list(self._parts):
            count = self._rows[name]
            drop = old[first : first + count]
            first += count
            if drop.all():
                self._remove(name)
            elif drop.any():
                self._write(name, self._table(name).filter(pa.array(~drop)))
        self._join(PART_ROWS)

    def _superseded(self) -> NDArray[np.bool_]:
        return superseded(file for (file,) in self._values(["file"]))

    def _values(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield the values in some columns of every row."""
        for name in self._parts:
            file = self._file(name)
            with self._damage(name):
                for batch in file.iter_batches(BATCH, columns=list(columns), use_threads=False):
                    yield from zip(*(batch.column(column).to_pylist() for column in columns), strict=True)

    def _join(self, most: int) -> None:
        """Join parts that follow each other and have fewer rows than `most` together."""
        group: list[str] = []
        for name in [*self._parts, None]:
            if name is not None and sum(self._rows[part] for part in [*group, name]) <= most:
                group.append(name)
                continue
            if len(group) > 1:
                self._write(group[-1], pa.concat_tables([self._table(part) for part in group]).combine_chunks())
                for part in group[:-1]:
                    self._remove(part)
            group = [name] if name is not None else []

    def _next_name(self) -> str:
        last = int(PART.findall(self._parts[-1])[0]) if self._parts else 0
        return f"part-{last + 1:08}.parquet"

    def _write(self, name: str, table: Any) -> None:
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink, compression="zstd")
        self._folder.write(name, sink.getvalue().to_pybytes())
        if name not in self._rows:
            self._parts.append(name)
        self._rows[name] = len(table)

    def _remove(self, name: str) -> None:
        self._folder.remove(name)
        self._parts.remove(name)
        del self._rows[name]

    def _checked(self, name: str) -> int:
        """Return the number of a part's rows; raise `UsageError` unless it is ours, `CatalogueError` for damage."""
        path = f"{self._path}/{name}"
        if not PART.fullmatch(name):
            raise UsageError(f"{path}: its name is not one that this command makes: name another folder")
        file = self._file(name)
        names = file.schema_arrow.names
        version = None
        if "schema" in names and "settings" in names:
            with self._damage(name):
                version = pc.max(file.read(["schema"]).column(0)).as_py()
        check_columns(path, names, version if isinstance(version, int) else None)
        return int(file.metadata.num_rows)

    def _table(self, name: str) -> Any:
        file = self._file(name)
        with self._damage(name):
            return file.read(use_threads=False)

    def _file(self, name: str) -> Any:
        content = self._folder.read(name)
        with self._damage(name):
            return parquet.ParquetFile(pa.BufferReader(content))

    @contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        """Name the part in whatever pyarrow raises in the block, where its bytes have been read."""
        try:
            yield
        except (pa.ArrowException, OSError, ValueError):
            raise CatalogueError(
                f"{self._path}/{name}: no Parquet file, or damaged: delete it, and its files are classified again"
            ) from None


def _schema(labels: Sequence[str]) -> Any:
    event = pa.struct([("start", pa.float64()), ("end", pa.float64()), ("label", pa.string()), ("score", pa.float64())])
    types = {
        "size": pa.int64(),
        "mtime": pa.int64(),
        "duration": pa.float64(),
        "labels": pa.list_(pa.string()),
        "confidence": pa.float64(),
        "probabilities": pa.struct([(label, pa.float64()) for label in labels]),
        "events": pa.list_(event),
        "warnings": pa.list_(pa.string()),
        "schema": pa.int32(),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
