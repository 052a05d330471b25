"""Ogg pages: whole files pass, and no damage does."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.toolkit import sounds
from toolkit.audio import decode, ogg
from toolkit.errors import AudioError
from toolkit.frontend.spec import PICTURE

SUBTYPES = ("VORBIS", "OPUS")


@pytest.fixture(scope="module", params=SUBTYPES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return an Ogg file of three seconds."""
    path = tmp_path_factory.mktemp("ogg") / "a.ogg"
    soundfile.write(path, sounds.noise(0, 3.0), 24_000, format="OGG", subtype=request.param)
    return path.read_bytes()


def starts(content: bytes) -> list[int]:
    """Return where pages begin."""
    places, at = [], content.find(ogg.MAGIC)
    while at >= 0:
        places.append(at)
        at = content.find(ogg.MAGIC, at + 1)
    return places


@given(st.binary(max_size=300))
def test_the_checksum_is_the_polynomials(data: bytes) -> None:
    crc = 0
    for value in data:
        crc ^= value << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    assert ogg._crc(data) == crc


def test_whole_and_tagged_files_pass(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    for content in (whole, whole + b"TAG" + bytes(125)):
        path.write_bytes(content)
        ogg.check_pages(path)
        assert len(decode.load(path, PICTURE.sample_rate)) > 0


def test_of_a_chain_the_first_link_alone_would_be_read(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole + whole)
    with pytest.raises(AudioError, match=r"a\.ogg: there are several recordings in it, one after the other"):
        decode.load(path, PICTURE.sample_rate)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_is_found(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(whole)
    content[data.draw(st.integers(len(ogg.MAGIC), len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "a.ogg"
    path.write_bytes(content)
    for read in (partial(decode.load, rate=PICTURE.sample_rate), decode.check):
        with pytest.raises(AudioError, match=r"a\.ogg: the file is (damaged|truncated)"):
            read(path)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_is_found(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(
        whole[: data.draw(st.integers(len(ogg.MAGIC), len(whole) - 1) | st.sampled_from(starts(whole)[1:]))]
    )
    with pytest.raises(AudioError, match=r"a\.ogg: the file is truncated"):
        decode.load(path, PICTURE.sample_rate)


def test_a_missing_page_is_found(whole: bytes, tmp_path: Path) -> None:
    pages = starts(whole)
    path = tmp_path / "a.ogg"
    for first, second in zip(pages[2:], pages[3:], strict=False):
        path.write_bytes(whole[:first] + whole[second:])
        with pytest.raises(AudioError, match=rf"a page before byte {first} is missing"):
            decode.load(path, PICTURE.sample_rate)
    assert len(pages) > 4
