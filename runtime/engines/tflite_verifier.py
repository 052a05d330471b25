"""The structure of a TFLite model, checked before an engine that trusts it: each offset must lead inside the file.

LiteRT checks this itself; tflite-runtime 2.14 follows any offset and crashes. FlatBuffers' encoding is described at
flatbuffers.dev/internals, the tables in TensorFlow's `lite/schema/schema.fbs`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from toolkit.errors import ArtifactError

MAX_TABLES = 1_000_000
"""As many as FlatBuffers' own verifier follows; only hostile files lead to one table again and again."""


class Vector(NamedTuple):
    """A vector of numbers of `size` bytes each; a text is one of bytes."""

    size: int


class Table(NamedTuple):
    """A table: what its fields that hold an offset lead to, by their places in the schema."""

    fields: Mapping[int, Vector | Table | Tables | Union]


class Tables(NamedTuple):
    """A vector of tables."""

    table: Table


class Union(NamedTuple):
    """A table of one of several kinds, whose number stands in the field before it."""

    kinds: Mapping[int, Table]


_TEXT = _BYTES = Vector(1)
_INTS = Vector(4)
_PLAIN = Table({})
_RESHAPE, _SQUEEZE = 17, 30
_OPTIONS = Union({_RESHAPE: Table({0: _INTS}), _SQUEEZE: Table({0: _INTS})})
_QUANTIZATION = Table({0: _INTS, 1: _INTS, 2: _INTS, 3: Vector(8), 5: Union({})})
_TENSOR = Table({0: _INTS, 3: _TEXT, 4: _QUANTIZATION, 6: _PLAIN, 7: _INTS})
_OPERATOR = Table({1: _INTS, 2: _INTS, 4: _OPTIONS, 5: _BYTES, 7: _BYTES, 8: _INTS})
_SUBGRAPH = Table({0: Tables(_TENSOR), 1: _INTS, 2: _INTS, 3: Tables(_OPERATOR), 4: _TEXT})
_NAMED = Table({0: _TEXT})
_SIGNATURE = Table({0: Tables(_NAMED), 1: Tables(_NAMED), 2: _TEXT})
MODEL = Table(
    {
        1: Tables(Table({1: _TEXT})),
        2: Tables(_SUBGRAPH),
        3: _TEXT,
        4: Tables(Table({0: _BYTES})),
        5: _INTS,
        6: Tables(_NAMED),
        7: Tables(_SIGNATURE),
    }
)


def check_structure(path: Path, content: bytes) -> None:
    """Raise `ArtifactError` unless every offset in `content`, what was read from `path`, leads to a place inside it."""
    try:
        _Check(content).table(0, MODEL)
    except (struct.error, OverflowError):
        raise ArtifactError(
            f"{path}: not a valid TFLite model: something in it leads out of the file; export the model again"
        ) from None


class _Check:
    """Follows offsets; an unpacking from beyond the end raises `struct.error`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_TABLES

    def _number(self, kind: str, place: int) -> int:
        if place < 0:
            raise OverflowError
        (number,) = struct.unpack_from(f"<{kind}", self._data, place)
        return int(number)

    def table(self, at: int, kind: Table) -> None:
        """Check the table that the offset at `at` leads to."""
        self._left -= 1
        if self._left < 0:
            raise OverflowError
        start = at + self._number("I", at)
        fields = start - self._number("i", start)
        size, span = self._number("H", fields), self._number("H", fields + 2)
        if size < 4 or span < 4:
            raise OverflowError
        self._number("B", fields + size - 1)
        self._number("B", start + span - 1)

        def place(field: int) -> int | None:
            entry = 4 + 2 * field
            offset = self._number("H", fields + entry) if entry + 2 <= size else 0
            if offset >= span:
                raise OverflowError
            return start + offset if offset else None

        for entry in range((size - 4) // 2):
            place(entry)
        for field, target in kind.fields.items():
            if (target_place := place(field)) is None:
                continue
            if isinstance(target, Table):
                self.table(target_place, target)
            elif isinstance(target, Union):
                kind_place = place(field - 1)
                self.table(target_place, target.kinds.get(self._number("B", kind_place) if kind_place else 0, _PLAIN))
            else:
                self._vector(target_place, target)

    def _vector(self, at: int, kind: Vector | Tables) -> None:
        start = at + self._number("I", at)
        count = self._number("I", start)
        size = kind.size if isinstance(kind, Vector) else 4
        if count:
            self._number("B", start + 3 + count * size)
        if isinstance(kind, Tables):
            for item in range(count):
                self.table(start + 4 + 4 * item, kind.table)
