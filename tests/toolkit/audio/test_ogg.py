"""Ogg pages: whole files pass, and no damage does."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.toolkit import sounds
from toolkit.audio import decode, ogg
from toolkit.errors import AudioError
from toolkit.frontend.spec import PICTURE

SUBTYPES = ("VORBIS", "OPUS")
RATE = PICTURE.sample_rate


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


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), bytes(500)])
def test_what_follows_the_end_is_passed_over(whole: bytes, tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    expected = decode.read(path, RATE)
    path.write_bytes(whole + tail)
    sound = decode.read(path, RATE)
    np.testing.assert_array_equal(sound.samples, expected.samples)
    assert sound.warnings == ()


def test_every_recording_of_a_chain_is_heard(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    one = decode.load(path, RATE)
    for links in (2, 3):
        path.write_bytes(whole * links)
        np.testing.assert_array_equal(decode.load(path, RATE), np.tile(one, links))


@pytest.mark.parametrize("between", [b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10), bytes(5000), b"TAG" + bytes(125)])
def test_tags_and_zeros_between_recordings_are_passed_over(whole: bytes, tmp_path: Path, between: bytes) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    one = decode.load(path, RATE)
    path.write_bytes(whole + between + whole)
    np.testing.assert_array_equal(decode.load(path, RATE), np.tile(one, 2))


def page_with(content: bytes, number: int, flags: int | None = None, position: int | None = None) -> bytes:
    """Return an Ogg file with other flags or another position in a page, and the checksum that belongs to them."""
    start, end = [*starts(content), len(content)][number:][:2] if number >= 0 else (starts(content)[number], None)
    page = bytearray(content[start:end])
    page[5] = page[5] if flags is None else flags
    page[6:14] = page[6:14] if position is None else position.to_bytes(8, "little", signed=True)
    page[22:26] = bytes(4)
    page[22:26] = ogg._crc(page).to_bytes(4, "little")
    return content[:start] + page + content[start:][len(page) :]


def without_end(content: bytes) -> bytes:
    """Return an Ogg file whose last page is not marked as the end."""
    return page_with(content, -1, flags=0)


@pytest.mark.parametrize("position", [-1, 0, 1, 20_000, 10**6, 10**9, 1 << 61])
def test_a_last_position_that_cannot_be_is_not_believed(whole: bytes, tmp_path: Path, position: int) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    expected = decode.load(path, RATE)
    path.write_bytes(page_with(whole, -1, position=position))
    sound = decode.read(path, RATE)
    np.testing.assert_allclose(sound.samples[: len(expected) - 500], expected[:-500], atol=1e-6)
    assert 0 <= len(sound.samples) - len(expected) < 0.1 * RATE, "the padding of the last packet is heard, too"
    assert sound.warnings == (ogg._NO_LENGTH,)


def test_a_last_position_slightly_beyond_the_data_is_reported(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    expected = decode.load(path, RATE)
    position = int.from_bytes(whole[starts(whole)[-1] :][6:14], "little")
    path.write_bytes(page_with(whole, -1, position=position + 6_000))
    sound = decode.read(path, RATE)
    assert 0 <= len(sound.samples) - len(expected) < 0.1 * RATE
    (warning,) = sound.warnings
    assert "its last Ogg page states" in warning


def test_an_end_in_the_middle_is_read_on(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    expected = decode.load(path, RATE)
    path.write_bytes(page_with(whole, 3, flags=4))
    sound = decode.read(path, RATE)
    np.testing.assert_array_equal(sound.samples, expected)
    assert sound.warnings == (ogg._EARLY_END,)
    path.write_bytes(without_end(page_with(whole, 3, flags=4)))
    sound = decode.read(path, RATE)
    np.testing.assert_array_equal(sound.samples, expected)
    assert sound.warnings == (f"{ogg._EARLY_END}; {ogg._NO_END}",)


def test_a_recording_without_a_marked_end_is_heard_with_a_warning(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    one = decode.load(path, RATE)
    for content, links in ((without_end(whole), 1), (without_end(whole) * 2, 2), (without_end(whole) + whole, 2)):
        path.write_bytes(content)
        sound = decode.read(path, RATE)
        np.testing.assert_array_equal(sound.samples, np.tile(one, links))
        assert sound.warnings == (ogg._NO_END,)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_is_found(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(whole)
    content[data.draw(st.integers(len(ogg.MAGIC), len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "a.ogg"
    path.write_bytes(content)
    for read in (partial(decode.load, rate=RATE), decode.check):
        with pytest.raises(AudioError, match=r"a\.ogg: the file is (damaged|truncated)"):
            read(path)


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_within_a_page_is_refused(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.ogg"
    place = data.draw(st.integers(len(ogg.MAGIC), len(whole) - 1))
    assume(place not in starts(whole))
    path.write_bytes(whole[:place])
    with pytest.raises(AudioError, match=r"a\.ogg: the file is truncated"):
        decode.load(path, RATE)


def test_a_cut_within_the_first_letters_of_a_page_is_refused(whole: bytes, tmp_path: Path) -> None:
    for page in starts(whole)[1:]:
        for letters in range(1, len(ogg.MAGIC)):
            (tmp_path / "a.ogg").write_bytes(whole[: page + letters])
            with pytest.raises(AudioError, match=rf"the file is truncated in the page at byte {page}"):
                decode.load(tmp_path / "a.ogg", RATE)


def test_a_cut_between_pages_is_heard_with_a_warning(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(whole)
    expected = decode.load(path, RATE)
    pages = starts(whole)
    for place in pages[3:]:
        path.write_bytes(whole[:place])
        sound = decode.read(path, RATE)
        assert 0 < len(sound.samples) < len(expected) and sound.warnings == (ogg._NO_END,)
    path.write_bytes(whole[: pages[1]])
    with pytest.raises(AudioError, match=r"a\.ogg: "):
        decode.load(path, RATE)


def test_a_missing_page_is_found(whole: bytes, tmp_path: Path) -> None:
    pages = starts(whole)
    path = tmp_path / "a.ogg"
    for first, second in zip(pages[3:], pages[4:], strict=False):  # behind the header, a station's page has any number
        path.write_bytes(whole[:first] + whole[second:])
        with pytest.raises(AudioError, match=rf"a page before byte {first} is missing"):
            decode.load(path, RATE)
    assert len(pages) > 4
