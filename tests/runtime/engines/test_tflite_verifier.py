"""The structure of TFLite models: what we ship passes, and what leads out of the file, or never ends, is refused."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.default_model import PRETRAINED
from runtime.engines.tflite_verifier import MAX_TABLES, Table, Union, Vector, _Check, check_structure
from tests.cards import MODEL
from toolkit.artifact.file import read_archive
from toolkit.errors import ArtifactError

PATH = Path("a.tflite")
WHOLE = PRETRAINED.read_bytes()[: read_archive(PRETRAINED).start]


def test_models_that_engines_load_pass(artifacts: Path) -> None:
    for path in (PRETRAINED, *artifacts.glob("*.tflite")):
        check_structure(path, path.read_bytes())


@pytest.mark.parametrize("content", [MODEL, WHOLE[:4], WHOLE[:1000], WHOLE[: len(WHOLE) // 2], b"\xff" * 100])
def test_what_is_no_model_or_half_of_one_is_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"a\.tflite: not a valid TFLite model: something in it leads out"):
        check_structure(PATH, content)


@given(st.integers(0, len(WHOLE) - 9), st.binary(min_size=1, max_size=8))
@settings(deadline=None, max_examples=100)
def test_damage_passes_or_is_refused(place: int, change: bytes) -> None:
    try:
        check_structure(PATH, WHOLE[:place] + change + WHOLE[place + len(change) :])
    except ArtifactError as error:
        assert "\n" not in str(error)


def test_every_offset_in_the_root_table_is_followed() -> None:
    (root,) = struct.unpack_from("<I", WHOLE)
    (back,) = struct.unpack_from("<i", WHOLE, root)
    size = struct.unpack_from("<H", WHOLE, root - back)[0]
    refused = 0
    for entry in range(4, size, 2):
        (offset,) = struct.unpack_from("<H", WHOLE, root - back + entry)
        if not offset or entry == 4:  # the first field is a number
            continue
        broken = bytearray(WHOLE)
        struct.pack_into("<I", broken, root + offset, 2**32 - 1)
        with pytest.raises(ArtifactError):
            check_structure(PATH, bytes(broken))
        refused += 1
    assert refused >= 5


def test_one_table_named_without_end_is_refused() -> None:
    """A vector of operator codes, all of them the same table: as many as would take minutes."""
    count = MAX_TABLES + 10
    vtable = struct.pack("<HHHH", 8, 12, 4, 8)  # of the root: a version, and the vector
    head = struct.pack("<I4s", 16, b"TFL3") + vtable + struct.pack("<iII", 8, 3, 8)
    vector_at = len(head) + 4
    empty_at = vector_at + 4 + 4 * count
    empty = struct.pack("<HHi", 4, 4, 4)
    offsets = b"".join(struct.pack("<I", empty_at + 4 - (vector_at + 4 + 4 * item)) for item in range(count))
    with pytest.raises(ArtifactError, match="not a valid TFLite model"):
        check_structure(PATH, head + bytes(4) + struct.pack("<I", count) + offsets + empty)
    check_structure(PATH, head + bytes(4) + struct.pack("<I", 10) + offsets + empty)


@pytest.mark.parametrize(("size", "span", "is_valid"), [(4, 4, True), (4, 8, True), (3, 4, False), (4, 3, False)])
def test_a_table_has_room_for_its_own_offset_and_sizes(size: int, span: int, is_valid: bool) -> None:
    content = struct.pack("<I4sHHii", 12, b"TFL3", size, span, 4, 0)
    with nullcontext() if is_valid else pytest.raises(ArtifactError, match="not a valid TFLite model"):
        check_structure(PATH, content)


@pytest.mark.parametrize(("kind", "offset", "is_valid"), [(17, 4, True), (17, 2**30, False), (16, 2**30, True)])
def test_the_options_of_an_operator_are_followed_by_their_kind(kind: int, offset: int, is_valid: bool) -> None:
    """A table with the number of a kind and a table of that kind; one of kind 17 has a vector, one of 16 none."""
    root = struct.pack("<IHHHHiIBxxx", 12, 8, 12, 8, 4, 8, 16, kind)
    options = struct.pack("<HHHxxiIII", 6, 8, 4, 8, offset, 1, 5)
    with nullcontext() if is_valid else pytest.raises((OverflowError, struct.error)):
        _Check(root + options).table(0, Table({1: Union({17: Table({0: Vector(4)})})}))
