"""Damage in Ogg files (Vorbis, Opus): a page that fails its checksum is refused, where libsndfile passes over it.

The layout of a page and its checksum are those of RFC 3533, section 6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from toolkit.errors import AudioError

MAGIC = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
_CHECKSUM = slice(22, 26)
_LAST = 4
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class _Page(NamedTuple):
    start: int
    stream: int
    number: int
    last: bool


def check_pages(path: Path) -> None:
    """Read every page of an Ogg file; what follows the last page of its last stream is not looked at.

    Raises
    ------
    AudioError
        If a page is damaged or missing, or a stream does not come to its end.
    """
    following: dict[int, int] = {}
    with path.open("rb") as file:
        for page in _pages(path, file):
            if page.start > 0 and not following:
                raise AudioError(
                    f"{path}: there are several recordings in it, one after the other, of which only the first would "
                    "be read: convert it to WAV or FLAC"
                )
            if page.number != following.get(page.stream, page.number):
                raise AudioError(
                    f"{path}: the file is damaged: a page before byte {page.start} is missing; copy it again"
                )
            following[page.stream] = page.number + 1
            if page.last:
                del following[page.stream]
    if following:
        raise AudioError(f"{path}: the file is truncated: its last page is not marked as the end; copy it again")


def _pages(path: Path, file: BinaryIO) -> Iterator[_Page]:
    """Yield pages until something else follows the end of a stream."""
    ended = False
    while True:
        start = file.tell()
        header = file.read(_HEADER.size)
        if not header or (ended and not header.startswith(MAGIC)):
            return
        if len(header) < _HEADER.size:
            raise _truncated(path, start)
        magic, _, flags, _, stream, number, checksum, segments = _HEADER.unpack(header)
        if magic != MAGIC:
            raise AudioError(f"{path}: the file is damaged at byte {start}: no Ogg page begins there; copy it again")
        sizes = file.read(segments)
        body = file.read(sum(sizes))
        if len(sizes) < segments or len(body) < sum(sizes):
            raise _truncated(path, start)
        page = bytearray(header + sizes + body)
        page[_CHECKSUM] = bytes(4)
        if _crc(page) != checksum:
            raise AudioError(
                f"{path}: the file is damaged in the page at byte {start} (its checksum fails); copy it again"
            )
        ended = bool(flags & _LAST)
        yield _Page(start, stream, number, ended)


def _truncated(path: Path, start: int) -> AudioError:
    return AudioError(f"{path}: the file is truncated in the page at byte {start}; copy it again")


def _crc(page: bytes | bytearray) -> int:
    """Return the CRC-32 of polynomial 0x04c11db7 that begins at 0 and takes the highest bit first.

    zlib's takes the lowest bit first, begins at all ones and inverts its result; so it is given reversed bytes and the
    inverse beginning, and its result is inverted and reversed.
    """
    mirrored_checksum = ~zlib.crc32(bytes(page).translate(_REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
    return int(f"{mirrored_checksum:032b}"[::-1], 2)
