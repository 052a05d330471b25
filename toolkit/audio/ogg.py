"""The recordings of an Ogg file (Vorbis, Opus): several may follow each other, and a phone may not mark the end.

A page that fails its checksum is refused, where libsndfile passes over it. The layout of a page and its checksum are
those of RFC 3533, section 6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from toolkit.audio.recording import ID3, Recording
from toolkit.errors import AudioError

MAGIC = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
_FLAGS = 5
_CHECKSUM = slice(22, 26)
_FIRST, _LAST = 2, 4
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_NO_END = "its last Ogg page is not marked as the end: a recorder may have left it out, or the end is missing"


class _Page(NamedTuple):
    start: int
    end: int
    stream: int
    number: int
    flags: int
    position: int


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; what follows the last page is not read.

    Raises
    ------
    AudioError
        If a page is damaged or missing, or the file ends within one.
    """
    parts: list[Recording] = []
    newest: dict[int, _Page] = {}
    open_streams: set[int] = set()
    for page in _pages(file, start):
        is_first = bool(page.flags & _FIRST)
        if is_first and any(not other.flags & _FIRST for other in newest.values()):
            parts.append(_recording(file, start, page.start, [newest[stream] for stream in open_streams]))
            newest, open_streams, start = {}, set(), page.start
        previous = newest.get(page.stream)
        if previous and not _follows(page, previous):
            raise AudioError(f"the file is damaged: a page before byte {page.start} is missing; copy it again")
        newest[page.stream] = page
        open_streams.add(page.stream)
        if page.flags & _LAST:
            open_streams.remove(page.stream)
    return [*parts, _recording(file, start, end, [newest[stream] for stream in open_streams])]


def _follows(page: _Page, previous: _Page) -> bool:
    """Return whether a page follows another; one that a running station sends follows the header at any number."""
    is_header = previous.position == 0
    return is_header or page.number in ((previous.number + 1) & 0xFFFFFFFF, 0)


def _recording(file: BinaryIO, start: int, end: int, endless: list[_Page]) -> Recording:
    """Return a recording in which the last pages of streams without an end are marked as their ends."""
    replaced = {}
    for page in endless:
        file.seek(page.start)
        content = bytearray(file.read(page.end - page.start))
        content[_FLAGS] |= _LAST
        content[_CHECKSUM] = bytes(4)
        content[_CHECKSUM] = _crc(content).to_bytes(4, "little")
        replaced[page.start] = bytes(content[: _HEADER.size])
    return Recording(start, end, replaced=replaced, warning=_NO_END if endless else "")


def _pages(file: BinaryIO, start: int) -> Iterator[_Page]:
    """Yield the pages; zeros and tags may stand behind them and between two recordings."""
    while (start := _next_page(file, start)) >= 0:
        file.seek(start)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise _truncated(start)
        _, _, flags, position, stream, number, checksum, segments = _HEADER.unpack(header)
        sizes = file.read(segments)
        body = file.read(sum(sizes))
        if len(sizes) < segments or len(body) < sum(sizes):
            raise _truncated(start)
        page = bytearray(header + sizes + body)
        page[_CHECKSUM] = bytes(4)
        if _crc(page) != checksum:
            raise AudioError(f"the file is damaged in the page at byte {start} (its checksum fails); copy it again")
        yield _Page(start, start + len(page), stream, number, flags, position)
        start += len(page)


def _next_page(file: BinaryIO, at: int) -> int:
    """Return where the next page begins, -1 where none follows; refuse other bytes than zeros and tags before it."""
    file.seek(at)
    rest = file.read(len(MAGIC))
    if rest == MAGIC:
        return at
    rest += file.read()
    place = rest.find(MAGIC)
    between = rest if place < 0 else rest[:place]
    if between.strip(b"\0") and not between.startswith((b"TAG", ID3, b"APETAGEX")):
        raise AudioError(f"the file is damaged at byte {at}: no Ogg page begins there; copy it again")
    return at + place if place >= 0 else -1


def _truncated(start: int) -> AudioError:
    return AudioError(f"the file is truncated in the page at byte {start}; copy it again")


def _crc(page: bytes | bytearray) -> int:
    """Return the CRC-32 of polynomial 0x04c11db7 that begins at 0 and takes the highest bit first.

    zlib's takes the lowest bit first, begins at all ones and inverts its result; so it is given reversed bytes and the
    inverse beginning, and its result is inverted and reversed.
    """
    mirrored_checksum = ~zlib.crc32(bytes(page).translate(_REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
    return int(f"{mirrored_checksum:032b}"[::-1], 2)
