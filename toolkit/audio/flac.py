"""The recordings of a FLAC file: several may follow each other, and one that was piped states no length.

The layout of STREAMINFO is that of RFC 9639, section 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from toolkit.audio.recording import STATES_LESS, Recording

MAGIC = b"fLaC"
_HEADER_SIZE = 26
"""Bytes from the marker to the end of STREAMINFO's number of samples."""
_UNKNOWN = 1 << 36
_FRAME_ROOM = 1 << 14
"""Frames are no larger than their samples as they are, but for headers, and what follows the last one."""
_FOOTER = 2
"""Bytes of a frame's checksum."""
_BLOCK = 1 << 20


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; the first begins at `start`, after what tags there are."""
    starts = [start, *_markers(file, start, end)]
    ends = [*starts[1:], end]
    parts = [_recording(file, at, last) for at, last in zip(starts, ends, strict=True)]
    return [parts[0]._replace(start=0)] if len(parts) == 1 else parts


def _recording(file: BinaryIO, start: int, end: int) -> Recording:
    """Return the recording between two offsets; one that holds more than it states must state nothing."""
    file.seek(start)
    header = file.read(_HEADER_SIZE)
    sizes = int.from_bytes(header[18:26], "big")  # rate, channels, bits and number of samples: 20, 3, 5 and 36 bits
    samples = sizes % _UNKNOWN
    frame_bits = ((sizes >> 41 & 7) + 1) * ((sizes >> 36 & 31) + 1)
    room = samples * frame_bits // 8 + _FRAME_ROOM + samples // _FRAME_ROOM
    if samples and end - _frames_start(file, start) <= room:
        return Recording(start, end)
    last = _without_zeros(file, start, end)
    if samples == 0:
        return Recording(start, last, exact=False)
    if last - _frames_start(file, start) <= room:
        return Recording(start, end)
    unstated = {start + 21: bytes([header[21] & 0xF0]) + bytes(4)}
    return Recording(start, last, exact=False, replaced=unstated, warning=STATES_LESS)


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
    """Return whether bytes are a marker and a plausible STREAMINFO: its type, size and rate; it may state no more."""
    is_stream_info = len(header) == _HEADER_SIZE and header[4] & 0x7F == 0 and header[5:8] == b"\x00\x00\x22"
    return is_stream_info and int.from_bytes(header[18:21], "big") >> 4 > 0
