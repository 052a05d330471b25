"""ONNX model files: the card and the labels as metadata properties, the last fields of the file.

An ONNX file is one protocol buffer message, `ModelProto` of the public schema onnx.proto. Such a message is a row of
fields, each a number, a kind and a value; only those of the top level are looked at, so that a file of any size is read
in a moment and without the `onnx` package. Field numbers are the schema's.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from toolkit.artifact.card import Card
from toolkit.artifact.entries import (
    CARD_NAME,
    LABELS_NAME,
    MAX_ENTRIES,
    MAX_ENTRY,
    Archive,
    check_names,
    decode,
    parse,
    texts,
)
from toolkit.errors import ArtifactError

DIGEST_NAME = "card.sha256"
"""The property that holds the card's digest: a ZIP archive has checksums of its own, a message has none."""
_IR_VERSION, _METADATA = 1, 14
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_FIELDS = 1000
_MAX_PROPERTY = MAX_ENTRY + 1024


class _Field(NamedTuple):
    """A field of a message: its number and kind, where it starts, and where its value starts and ends."""

    number: int
    kind: int
    start: int
    value: int
    end: int


class _Malformed(Exception):
    """The bytes are no message."""


def is_onnx(head: bytes) -> bool:
    """Return whether a file that starts with these bytes may be an ONNX model: its first field is the IR version."""
    return head[:1] == bytes([_IR_VERSION << 3 | _VARINT])


def append(model: bytes, card: Card) -> bytes:
    """Return `model` with the texts of `card` appended as properties; raise `ArtifactError` where it has any."""
    try:
        numbers = [field.number for field in _fields(io.BytesIO(model), len(model))]
    except _Malformed as error:
        raise ArtifactError(f"the converted model: no ONNX model ({error})") from None
    if _METADATA in numbers:
        raise ArtifactError("the converted model: it has metadata properties already")
    pairs = (*texts(card), (DIGEST_NAME, hashlib.sha256(card.to_json().encode("utf-8")).hexdigest()))
    return model + b"".join(_property(name, text) for name, text in pairs)


def without_properties(model: bytes) -> bytes:
    """Return an ONNX model without the metadata properties that another tool wrote; raise `ArtifactError` for none."""
    try:
        fields = list(_fields(io.BytesIO(model), len(model)))
    except _Malformed as error:
        raise ArtifactError(f"no whole ONNX model ({error})") from None
    return b"".join(model[field.start : field.end] for field in fields if field.number != _METADATA)


def _property(name: str, text: str) -> bytes:
    pair = b"".join(
        _varint(number << 3 | _BYTES) + _varint(len(data)) + data
        for number, data in ((_KEY, name.encode("utf-8")), (_VALUE, text.encode("utf-8")))
    )
    return _varint(_METADATA << 3 | _BYTES) + _varint(len(pair)) + pair


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def read(path: Path, stream: BinaryIO) -> Archive:
    """Return what is in the ONNX model file `stream`; raise `ArtifactError`, which names `path`."""
    try:
        fields = list(_fields(stream, stream.seek(0, io.SEEK_END)))
        properties = [field for field in fields if field.number == _METADATA]
        if not properties:
            raise ArtifactError(
                f"{path}: carries no card: it was not made by `python -m export`; export the model again, or give it a "
                "card with `python -m toolkit attach`"
            )
        if fields[-len(properties) :] != properties:
            raise ArtifactError(f"{path}: its metadata are not its last fields; export the model again")
        if len(properties) > MAX_ENTRIES:
            raise ArtifactError(f"{path}: its metadata has {len(properties)} entries, more than {MAX_ENTRIES}")
        pairs = [_pair(path, stream, field) for field in properties]
    except _Malformed as error:
        raise ArtifactError(
            f"{path}: no whole ONNX model ({error}): it was cut short or damaged; copy or export it again"
        ) from None
    check_names(path, [name for name, _ in pairs], "metadata")
    values_by_name = dict(pairs)
    labels, card = (decode(path, name, values_by_name[name]) for name in (LABELS_NAME, CARD_NAME))
    archive = parse(path, labels, card, properties[0].start)
    digests = [value for name, value in pairs if name == DIGEST_NAME]
    if digests != [hashlib.sha256(values_by_name[CARD_NAME]).hexdigest().encode("ascii")]:
        raise ArtifactError(f"{path}: damaged: its card is not the one that was written; copy or export it again")
    return archive


def _pair(path: Path, stream: BinaryIO, field: _Field) -> tuple[str, bytes]:
    """Return the key and the value of a metadata property."""
    if field.kind != _BYTES:
        raise _Malformed("a property that is no message")
    if field.end - field.value > _MAX_PROPERTY:
        raise ArtifactError(f"{path}: a metadata property is larger than {MAX_ENTRY} bytes")
    stream.seek(field.value)
    data = stream.read(field.end - field.value)
    parts = {inner.number: data[inner.value : inner.end] for inner in _fields(io.BytesIO(data), len(data))}
    return decode(path, "the name of a property", parts.get(_KEY, b"")), parts.get(_VALUE, b"")


def _fields(stream: BinaryIO, size: int) -> Iterator[_Field]:
    """Yield the fields of a message of `size` bytes, seeking over their values."""
    position = count = 0
    while position < size:
        count += 1
        if count > _MAX_FIELDS:
            raise _Malformed(f"more than {_MAX_FIELDS} fields")
        start = position
        tag, position = _read_varint(stream, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, (_, end) = position, _read_varint(stream, position)
        elif kind == _BYTES:
            length, value = _read_varint(stream, position)
            end = value + length
        elif kind in (_FIXED32, _FIXED64):
            value, end = position, position + (4 if kind == _FIXED32 else 8)
        else:
            raise _Malformed(f"field kind {kind} at byte {start}")
        if number == 0:
            raise _Malformed(f"field 0 at byte {start}")
        if end > size:
            raise _Malformed(f"the field at byte {start} ends behind the file")
        yield _Field(number, kind, start, value, end)
        position = end


def _read_varint(stream: BinaryIO, position: int) -> tuple[int, int]:
    """Return the number at a position and the position behind it."""
    stream.seek(position)
    value = 0
    for place, byte in enumerate(stream.read(10)):
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return value, position + place + 1
    raise _Malformed(f"no number at byte {position}")
