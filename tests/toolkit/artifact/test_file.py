"""Model files: what is written is read, and every damaged or hostile file gets one sentence."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cards import MODEL, example_card
from tests.damage import check_changed_byte, check_damaged
from toolkit.artifact.entries import MAX_ENTRIES, MAX_ENTRY
from toolkit.artifact.file import append_card, model_digest, read_archive, read_card, read_model
from toolkit.errors import ArtifactError


def whole() -> bytes:
    return append_card(MODEL, example_card())


def with_entries(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return MODEL + stream.getvalue()


CARD = ("card.json", example_card().to_json().encode())
LABELS = ("labels.txt", b"high\nlow\n")


def test_card_and_model_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(whole())
    archive = read_archive(path)
    assert archive.card == example_card() == read_card(str(path))
    model = read_model(path)
    assert (model.format, model.content, model.card) == ("tflite", whole(), archive.card)
    assert model.content[: model.start] == path.read_bytes()[: archive.start] == MODEL


def test_any_zip_reader_finds_labels_and_card(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(whole())
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["labels.txt", "card.json"]
        assert archive.read("labels.txt").decode().splitlines() == ["high", "low"]
        assert json.loads(archive.read("card.json"))["model"] == "gtzanet"
        assert archive.testzip() is None
        # Offsets count from the start of the file, not of the archive.
        assert archive.infolist()[0].header_offset == len(MODEL)
    start = struct.unpack("<I", path.read_bytes()[-22:][16:20])[0]
    assert path.read_bytes()[start : start + 4] == b"PK\x01\x02"


def test_equal_input_gives_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = whole()
    monkeypatch.setattr("time.time", lambda: 4e9)
    monkeypatch.setattr("sys.platform", "win32")
    assert whole() == first


@pytest.mark.parametrize("size", [0, 1000, (1 << 22) + 1])
@pytest.mark.parametrize("missing", [(), ("_sha2", "_sha256")])
def test_a_model_is_digested_with_sha256(size: int, missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of Python's implementations is there."""
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    model = bytes(range(250)) * (size // 250) + b"end"
    assert model_digest(memoryview(model)) == model_digest(model) == hashlib.sha256(model).hexdigest()


def test_a_card_is_not_put_on_another_model() -> None:
    with pytest.raises(ArtifactError, match="model_digest differs"):
        append_card(MODEL + b"!", example_card())
    with pytest.raises(ArtifactError, match="neither a TFLite nor an ONNX model"):
        append_card(b"ONNX" * 9, example_card())


MALFORMED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "0 bytes long"),
    "short": (lambda: MODEL[:7], "7 bytes long"),
    "text": (lambda: b"a picture of a cat\n" * 9, "no TFL3 mark, no IR version"),
    "bare zip": (lambda: with_entries(CARD, LABELS)[len(MODEL) :], "no TFL3 mark"),
    "no card": (lambda: MODEL, "carries no card"),
    "cut in the model": (lambda: whole()[:500], "carries no card"),
    "cut in the archive": (lambda: whole()[:-30], "carries no card"),
    "cut by a byte": (lambda: whole()[:-1], "carries no card"),
    "zip without card.json": (lambda: with_entries(LABELS), "has 0 card.json"),
    "zip without labels.txt": (lambda: with_entries(CARD), "has 0 labels.txt"),
    "empty zip": (lambda: with_entries(), "has 0 card.json"),
    "two cards": (lambda: with_entries(CARD, CARD, LABELS), "has 2 card.json"),
    "many entries": (
        lambda: with_entries(CARD, LABELS, *((str(n), b"") for n in range(MAX_ENTRIES))),
        "has 18 entries",
    ),
    "too few labels": (lambda: with_entries(CARD, ("labels.txt", b"high\n")), "different labels"),
    "other labels": (lambda: with_entries(CARD, ("labels.txt", b"low\nhigh\n")), "different labels"),
    "labels not text": (lambda: with_entries(CARD, ("labels.txt", b"\xff\xfe")), "labels.txt is not UTF-8"),
    "card not json": (lambda: with_entries(("card.json", b"{"), LABELS), "not JSON"),
    "card of the future": (
        lambda: with_entries(("card.json", b'{"format_version": 9}'), LABELS),
        "format version 9 is not known",
    ),
    "card is a bomb": (lambda: with_entries(("card.json", b" " * (MAX_ENTRY + 1)), LABELS), "larger than"),
    "damaged card": (lambda: whole().replace(b'"gtzanet"', b'"gtzanot"'), "damaged: its labels or its card"),
    "swapped labels": (lambda: whole().replace(b"high\nlow", b"low\nhigh"), "damaged: its labels or its card"),
    "something behind": (lambda: whole() + whole()[-22:], "something was added to its end"),
    "damaged directory": (lambda: whole().replace(b"PK\x01\x02", b"PK\x09\x09"), "carries no card"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_every_malformation_has_its_sentence(name: str, tmp_path: Path) -> None:
    make, message = MALFORMED[name]
    path = tmp_path / "model.tflite"
    path.write_bytes(make())
    with pytest.raises(ArtifactError, match=message) as caught:
        read_card(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_encrypted_card_and_an_unknown_compression_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    data = bytearray(whole())
    directory = data.index(b"PK\x01\x02")
    # The flag "encrypted"; deflate, lzma and an unknown compression where there is none.
    for offset, value in ((8, 1), (10, 8), (10, 14), (10, 99)):
        changed = bytearray(data)
        changed[directory + offset] = value
        path.write_bytes(changed)
        with pytest.raises(ArtifactError, match=str(path)):
            read_card(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read .No such file"):
        read_card(tmp_path / "absent.tflite")
    with pytest.raises(ArtifactError, match="a folder"):
        read_card(tmp_path)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.tflite")
    with pytest.raises(ArtifactError, match="a pipe or device"):
        read_card(tmp_path / "model.tflite")


def test_a_changed_byte_of_the_model_is_found(tmp_path: Path) -> None:
    check_changed_byte(whole(), len(MODEL) // 2, tmp_path / "model.tflite")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_gives_anything_but_the_same_card_or_an_artifact_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    check_damaged(whole(), example_card(), tmp_path_factory.getbasetemp() / "damaged.tflite", data)
