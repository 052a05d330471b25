"""The recordings of a FLAC file: several may follow each other, and one that was piped states no length.

The layout of STREAMINFO is that of RFC 9639, section 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from toolkit.audio.recording import Recording

MAGIC = b"fLaC"
_HEADER_SIZE = 26
"""Bytes from the marker to the end of STREAMINFO's number of samples."""
_FOOTER = 2
"""Bytes of a frame's checksum."""
_BLOCK = 1 << 20


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; the first begins at `start`, after what tags there are."""
    starts = [start, *_markers(file, start, end)]
    parts = []
    for at, last in zip(starts, [*starts[1:], end], strict=True):
        exact = _states_length(file, at)
        first = 0 if len(starts) == 1 else at
        parts.append(Recording(first, last if exact else _without_zeros(file, at, last), exact))
    return parts


def _without_zeros(file: BinaryIO, start: int, end: int) -> int:
    """Return where the zeros begin that a file was filled up with; a frame's own end may have a few."""
    while end > start:
        first = max(start, end - _BLOCK)
        file.seek(first)
        block = file.read(end - first).rstrip(b"\0")
        if block:
            return min(end, first + len(block) + _FOOTER)
        end = first
    return end


def _markers(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    """Yield where other recordings begin behind the one at `start`: a marker and a STREAMINFO block in its frames."""
    at = _frames_start(file, start)
    while at < end:
        file.seek(at)
        block = file.read(min(_BLOCK + _HEADER_SIZE, end - at))
        place = block.find(MAGIC)
        while 0 <= place < _BLOCK and not _is_header(block[place : place + _HEADER_SIZE]):
            place = block.find(MAGIC, place + 1)
        if 0 <= place < _BLOCK:
            yield at + place
            at = _frames_start(file, at + place)
        else:
            at += _BLOCK


def _frames_start(file: BinaryIO, at: int) -> int:
    """Return the offset of the first frame: behind the metadata blocks, which may hold pictures and other files."""
    at += len(MAGIC)
    while True:
        file.seek(at)
        header = file.read(4)
        if len(header) < 4:
            return at
        at += 4 + int.from_bytes(header[1:], "big")
        if header[0] & 0x80:
            return at


def _is_header(header: bytes) -> bool:
    """Return whether bytes are a marker and a plausible STREAMINFO: its type, size, block sizes and rate."""
    if len(header) < _HEADER_SIZE or header[4] & 0x7F != 0 or header[5:8] != b"\x00\x00\x22":
        return False
    smallest, largest = int.from_bytes(header[8:10], "big"), int.from_bytes(header[10:12], "big")
    return smallest <= largest and largest >= 16 and int.from_bytes(header[18:21], "big") >> 4 > 0


def _states_length(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    return int.from_bytes(file.read(_HEADER_SIZE)[21:26], "big") & 0xFFFFFFFFF > 0
