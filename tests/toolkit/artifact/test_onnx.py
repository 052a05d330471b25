"""ONNX model files: what is written is read by us and by onnx, and every damaged or hostile file gets one sentence."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cards import MODEL, ONNX_MODEL, example_card
from tests.damage import check_changed_byte, check_damaged
from toolkit.artifact.entries import MAX_ENTRIES, MAX_ENTRY, labels_text
from toolkit.artifact.file import append_card, file_format, read_archive, read_card, read_model
from toolkit.errors import ArtifactError

CARD_OF_IT = example_card(model=ONNX_MODEL)


def whole() -> bytes:
    return append_card(ONNX_MODEL, CARD_OF_IT)


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def prop(key: str | bytes, value: bytes) -> bytes:
    return field(14, field(1, key.encode() if isinstance(key, str) else key) + field(2, value))


CARD = prop("card.json", CARD_OF_IT.to_json().encode())
LABELS = prop("labels.txt", b"high\nlow\n")
DIGEST = prop("card.sha256", hashlib.sha256(CARD_OF_IT.to_json().encode()).hexdigest().encode())


def test_card_and_model_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(whole())
    archive = read_archive(path)
    assert archive.card == CARD_OF_IT == read_card(str(path))
    model = read_model(path)
    assert (model.format, model.content, model.card) == ("onnx", whole(), archive.card)
    assert model.content[: model.start] == path.read_bytes()[: archive.start] == ONNX_MODEL
    assert file_format(path) == "onnx"
    assert whole() == ONNX_MODEL + LABELS + CARD + DIGEST


def test_onnx_reads_the_same_properties(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (pip install onnx)")
    graph = onnx.helper.make_graph([], "network", [], [])
    model = onnx.helper.make_model(graph).SerializeToString()
    card = example_card(model=model)
    read = onnx.load_from_string(append_card(model, card))
    assert {entry.key: entry.value for entry in read.metadata_props} == {
        "labels.txt": labels_text(card.labels),
        "card.json": card.to_json(),
        "card.sha256": hashlib.sha256(card.to_json().encode()).hexdigest(),
    }
    path = tmp_path / "model.onnx"
    path.write_bytes(append_card(model, card))
    assert read_card(path) == card


def test_fields_of_a_fixed_size_are_passed_over(tmp_path: Path) -> None:
    """Newer producers may write any kind; what is in such a field must not be read as fields."""
    path = tmp_path / "model.onnx"
    for kind, size in ((5, 4), (1, 8)):
        for value in (b"\xff" * size, bytes(size), b"\x72\x01" * (size // 2)):
            model = ONNX_MODEL + varint(200 << 3 | kind) + value
            path.write_bytes(append_card(model, example_card(model=model)))
            assert read_model(path).start == len(model)


def test_the_content_and_not_the_name_decides_the_format(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(whole())
    assert file_format(path) == "onnx" and read_card(path) == CARD_OF_IT


def test_a_model_with_properties_or_no_model_gets_no_card() -> None:
    tagged = ONNX_MODEL + prop("author", b"me")
    with pytest.raises(ArtifactError, match="has metadata properties already"):
        append_card(tagged, example_card(model=tagged))
    cut = ONNX_MODEL[:-9]
    with pytest.raises(ArtifactError, match="no ONNX model .the field at byte 11 ends behind the file"):
        append_card(cut, example_card(model=cut))
    with pytest.raises(ArtifactError, match="model_digest differs"):
        append_card(ONNX_MODEL, example_card(model=MODEL))


MALFORMED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no card": (lambda: ONNX_MODEL, "carries no card"),
    "cut in the model": (lambda: whole()[:200], "cut short or damaged"),
    "cut in the card": (lambda: whole()[:-30], "cut short or damaged"),
    "cut by a byte": (lambda: whole()[:-1], "cut short or damaged"),
    "only a version": (lambda: b"\x08\x08", "2 bytes long"),
    "an unknown kind of field": (lambda: ONNX_MODEL + b"\x73" + bytes(20), "field kind 3 at byte"),
    "field 0": (lambda: ONNX_MODEL + b"\x02\x00" + LABELS + CARD, "field 0 at byte"),
    "a number without an end": (lambda: ONNX_MODEL + b"\xff" * 40, "no number at byte"),
    "a length of 2^63": (lambda: ONNX_MODEL + b"\x72" + b"\xff" * 8 + b"\x7f", "ends behind the file"),
    "a million fields": (lambda: b"\x08\x08" * 1_000_000, "more than 1000 fields"),
    "a property that is a number": (lambda: ONNX_MODEL + LABELS + CARD + b"\x70\x01", "a property that is no message"),
    "a property of rubbish": (lambda: ONNX_MODEL + field(14, b"\xff" * 30), "no number at byte 0"),
    "a name that is no text": (lambda: ONNX_MODEL + prop(b"\xff", b""), "name of a property is not UTF-8"),
    "no labels": (lambda: ONNX_MODEL + CARD, "has 0 labels.txt"),
    "no card.json": (lambda: ONNX_MODEL + LABELS, "has 0 card.json"),
    "two cards": (lambda: ONNX_MODEL + LABELS + CARD + CARD, "has 2 card.json"),
    "many properties": (
        lambda: ONNX_MODEL + LABELS + CARD + prop("a", b"") * MAX_ENTRIES,
        "has 18 entries, more than 16",
    ),
    "a graph after the card": (lambda: ONNX_MODEL + LABELS + CARD + field(7, b""), "not its last fields"),
    "a graph between": (lambda: ONNX_MODEL + LABELS + field(7, b"") + CARD, "not its last fields"),
    "other labels": (lambda: ONNX_MODEL + prop("labels.txt", b"low\nhigh\n") + CARD, "different labels"),
    "labels not text": (lambda: ONNX_MODEL + prop("labels.txt", b"\xff\xfe") + CARD, "labels.txt is not UTF-8"),
    "card not json": (lambda: ONNX_MODEL + LABELS + prop("card.json", b"{"), "not JSON"),
    "card of the future": (
        lambda: ONNX_MODEL + LABELS + prop("card.json", b'{"format_version": 9}'),
        "format version 9 is not known",
    ),
    "a card that was changed": (
        lambda: whole().replace(b'"temperature": 1.0', b'"temperature": 3.0'),
        "its card is not",
    ),
    "no digest": (lambda: ONNX_MODEL + LABELS + CARD, "its card is not the one that was written"),
    "two digests": (lambda: whole() + DIGEST, "its card is not the one that was written"),
    "a card of 2 MB": (lambda: ONNX_MODEL + LABELS + prop("card.json", b" " * 2 * MAX_ENTRY), "larger than"),
}


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_every_malformation_has_its_sentence(name: str, tmp_path: Path) -> None:
    make, message = MALFORMED[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(make())
    with pytest.raises(ArtifactError, match=message) as caught:
        read_card(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_card_of_a_gigabyte_is_refused_at_once_and_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    size = 1 << 30
    start = ONNX_MODEL + LABELS + varint(14 << 3 | 2) + varint(size)
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(len(start) + size)  # a hole: it takes no room on the disk
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(ArtifactError, match="larger than"):
        read_card(path)
    assert time.monotonic() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 4 * MAX_ENTRY
    tracemalloc.stop()


def test_a_changed_byte_of_the_model_is_found(tmp_path: Path) -> None:
    check_changed_byte(whole(), len(ONNX_MODEL) // 2, tmp_path / "model.onnx")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_gives_anything_but_the_same_card_or_an_artifact_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_damaged(whole(), CARD_OF_IT, tmp_path_factory.getbasetemp() / "damaged.onnx", data)
