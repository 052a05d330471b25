"""The standard metadata inside the model, read back field by field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flatbuffers import encode as decode
from flatbuffers import number_types, packer
from flatbuffers.table import Table

from export.tflite.metadata import IDENTIFIER, NAME, Description, encode
from toolkit.artifact.entries import LABELS_NAME
from toolkit.artifact.file import read_archive

EXAMPLE = Description("gtzanet", "a text", "MIT", 432, 288, LABELS_NAME)


def root(data: bytes) -> Table:
    return Table(data, decode.Get(packer.uoffset, data, 0))


def field(table: Table, slot: int) -> int:
    offset = table.Offset(4 + 2 * slot)
    assert offset, f"field {slot} is not there"
    return int(table.Pos + offset)


def child(table: Table, slot: int) -> Table:
    return Table(table.Bytes, table.Indirect(field(table, slot)))


def only(table: Table, slot: int) -> Table:
    offset = table.Offset(4 + 2 * slot)
    assert table.VectorLen(offset) == 1
    return Table(table.Bytes, table.Indirect(table.Vector(offset)))


def text(table: Table, slot: int) -> str:
    return bytes(table.String(field(table, slot))).decode()


def number(table: Table, slot: int, flags: Any) -> Any:
    return table.Get(flags, field(table, slot))


def floats(table: Table, slot: int) -> list[float]:
    offset = table.Offset(4 + 2 * slot)
    start = table.Vector(offset)
    return [table.Get(number_types.Float32Flags, start + 4 * place) for place in range(table.VectorLen(offset))]


def size(picture: Table) -> tuple[int, int]:
    """Return the width and height of a picture tensor."""
    table = child(child(child(picture, 3), 1), 1)
    width, height = (int(number(table, slot, number_types.Uint32Flags)) for slot in (0, 1))
    return width, height


def test_every_field() -> None:
    data = encode(EXAMPLE)
    assert data[4:8] == IDENTIFIER == b"M001"
    model = root(data)
    assert [text(model, slot) for slot in (0, 1, 5, 7)] == ["gtzanet", "a text", "MIT", "1.0.0"]
    graph = only(model, 3)
    source, target = only(graph, 2), only(graph, 3)
    assert text(source, 0) == "picture" and text(target, 0) == "probability"
    content = child(source, 3)
    assert number(content, 0, number_types.Uint8Flags) == 2
    image = child(content, 1)
    assert number(image, 0, number_types.Int8Flags) == 1
    assert size(source) == (432, 288)
    unit = only(source, 4)
    assert number(unit, 0, number_types.Uint8Flags) == 1
    assert (floats(child(unit, 1), 0), floats(child(unit, 1), 1)) == ([0.0], [1.0])
    assert (floats(child(source, 5), 0), floats(child(source, 5), 1)) == ([255.0], [0.0])
    labels = only(target, 6)
    assert text(labels, 0) == "labels.txt" and number(labels, 2, number_types.Int8Flags) == 2


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_exported_files_hold_it_under_its_name(artifacts: Path, precision: str) -> None:
    from tensorflow.lite.tools import flatbuffer_utils

    path = artifacts / f"gtzanet-{precision}.tflite"
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(path.read_bytes()[: read_archive(path).start]))
    (entry,) = [entry for entry in tree.metadata if entry.name == NAME.encode()]
    data = bytes(tree.buffers[entry.buffer].data)
    assert data[4:8] == b"M001" and text(root(data), 0) == "gtzanet"
    (graph,) = tree.subgraphs
    height, width = graph.tensors[graph.inputs[0]].shape[1:3]
    assert size(only(only(root(data), 3), 2)) == (width, height) == (432, 288)


def test_a_waveform_has_its_rate_and_channels() -> None:
    source = only(only(root(encode(replace(EXAMPLE, level="waveform", sample_rate=16_000))), 3), 2)
    assert text(source, 0) == "waveform"
    content = child(source, 3)
    assert number(content, 0, number_types.Uint8Flags) == 4
    assert [number(child(content, 1), slot, number_types.Uint32Flags) for slot in (0, 1)] == [16_000, 1]
    assert (floats(child(source, 5), 0), floats(child(source, 5), 1)) == ([1.0], [-1.0])


def test_a_mel_spectrogram_is_a_feature() -> None:
    source = only(only(root(encode(replace(EXAMPLE, level="mel"))), 3), 2)
    assert text(source, 0) == "mel" and number(child(source, 3), 0, number_types.Uint8Flags) == 1
