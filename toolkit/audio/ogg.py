"""The recordings of an Ogg file (Vorbis, Opus): several may follow each other, and a phone may not mark the end.

A page that fails its checksum is refused, where libsndfile passes over it. The layout of a page and its checksum are
those of RFC 3533, section 6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from toolkit.audio.recording import ID3, Recording
from toolkit.errors import AudioError

MAGIC = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
_FLAGS = 5
_POSITION = slice(6, 14)
_CHECKSUM = slice(22, 26)
_FIRST, _LAST = 2, 4
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_SOUND = (b"\x01vorbis", b"OpusHead")
"""What the first page of a stream begins with whose positions count samples."""
_UNKNOWN = 1 << 62
"""A position that no sound reaches: a decoder reads to the end."""
_LONGEST_PACKET = 8192
"""Samples of a packet at most: Vorbis' largest block; Opus has 5760."""
_NO_END = "its last Ogg page is not marked as the end: a recorder may have left it out, or the end is missing"
_EARLY_END = "an Ogg page in its middle is marked as the end: it is read on"
_NO_LENGTH = "its last Ogg page states a length that cannot be: it is read to the end of the data"


class _Page(NamedTuple):
    start: int
    end: int
    stream: int
    number: int
    flags: int
    position: int
    segments: int
    is_sound: bool


@dataclass
class _Stream:
    """What is seen of one of the streams so far: its newest page, the highest position before, and ends before that."""

    newest: _Page
    is_sound: bool
    highest: int = 0
    early_ends: tuple[_Page, ...] = ()

    def push(self, page: _Page) -> None:
        """Add the next page."""
        if self.newest.flags & _LAST:
            self.early_ends += (self.newest,)
        self.highest = max(self.highest, self.newest.position)
        self.newest = page

    @property
    def is_only_first(self) -> bool:
        """Whether none but its first page is there."""
        return bool(self.newest.flags & _FIRST)

    @property
    def states_length(self) -> bool:
        """Whether the last position may be the number of samples: not before another, not beyond what a page holds."""
        possible = range(max(self.highest, 1), self.highest + self.newest.segments * _LONGEST_PACKET + 1)
        return not self.is_sound or self.newest.position in possible


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; what follows the last page is not read.

    Raises
    ------
    AudioError
        If a page is damaged or missing, or the file ends within one.
    """
    parts: list[Recording] = []
    streams: dict[int, _Stream] = {}
    for page in _pages(file, start):
        if page.flags & _FIRST and not all(stream.is_only_first for stream in streams.values()):
            parts.append(_recording(file, start, page.start, streams.values()))
            streams, start = {}, page.start
        stream = streams.get(page.stream)
        if stream is None:
            streams[page.stream] = _Stream(page, page.is_sound)
        elif not _follows(page, stream.newest):
            raise AudioError(f"the file is damaged: a page before byte {page.start} is missing; copy it again")
        else:
            stream.push(page)
    return [*parts, _recording(file, start, end, streams.values())]


def _follows(page: _Page, previous: _Page) -> bool:
    """Return whether a page follows another; one that a running station sends follows the header at any number."""
    is_header = previous.position == 0
    return is_header or page.number in ((previous.number + 1) & 0xFFFFFFFF, 0)


def _recording(file: BinaryIO, start: int, end: int, streams: Iterable[_Stream]) -> Recording:
    """Return a recording in which the last page of each stream, and no other, is the end, at a possible position."""
    replaced: dict[int, bytes] = {}
    warnings: dict[str, None] = {}
    for stream in streams:
        for page in stream.early_ends:
            replaced[page.start] = _header(file, page, page.flags & ~_LAST, page.position)
            warnings[_EARLY_END] = None
        last, position = stream.newest, stream.newest.position if stream.states_length else _UNKNOWN
        if not last.flags & _LAST:
            warnings[_NO_END] = None
        if position == _UNKNOWN and not stream.is_only_first:
            warnings[_NO_LENGTH] = None
        if not (last.flags & _LAST and position == last.position):
            replaced[last.start] = _header(file, last, last.flags | _LAST, position)
    return Recording(start, end, replaced=replaced, warning="; ".join(warnings))


def _header(file: BinaryIO, page: _Page, flags: int, position: int) -> bytes:
    """Return a page's header with other flags and another position, and the checksum that belongs to them."""
    file.seek(page.start)
    content = bytearray(file.read(page.end - page.start))
    content[_FLAGS] = flags
    content[_POSITION] = position.to_bytes(8, "little", signed=True)
    content[_CHECKSUM] = bytes(4)
    content[_CHECKSUM] = _crc(content).to_bytes(4, "little")
    return bytes(content[: _HEADER.size])


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
        yield _Page(start, start + len(page), stream, number, flags, position, segments, body.startswith(_SOUND))
        start += len(page)


def _next_page(file: BinaryIO, at: int) -> int:
    """Return where the next page begins, -1 where none follows; refuse other bytes than zeros and tags before it."""
    file.seek(at)
    rest = file.read(len(MAGIC))
    if rest == MAGIC:
        return at
    rest += file.read()
    if rest and MAGIC.startswith(rest):
        raise _truncated(at)
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
