"""The recording of AAC without a container (ADTS): FFmpeg reads it from its first whole frame on.

A frame's header is that of ISO/IEC 13818-7, section 6.2: twelve ones, layer 0, and 13 bits of size from bit 30 on.
"""

from __future__ import annotations

from typing import BinaryIO

from toolkit.audio.recording import Recording

_LONGEST = 1 << 13
"""Bytes of a frame at most, so that a file that was cut before its first whole one has a header within these."""
_RUN = 4
"""So many frames of one kind that follow each other are no accident."""


def is_header(data: bytes) -> bool:
    """Return whether bytes begin as a frame does."""
    return len(data) > 2 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recording that begins within a frame's length of an offset; none where no frames follow there."""
    file.seek(start)
    data = file.read(_LONGEST * (_RUN + 1))
    at = data.find(b"\xff")
    while 0 <= at < _LONGEST:
        if _is_run(data, at):
            return [Recording(start + at, end, exact=False, by_ffmpeg=True)]
        at = data.find(b"\xff", at + 1)
    return []


def _is_run(data: bytes, at: int) -> bool:
    """Return whether as many frames of one kind as `_RUN` begin at an offset."""
    kind = data[at + 1 : at + 3]
    for _ in range(_RUN):
        header = data[at : at + 7]
        if len(header) < 7 or not is_header(header) or header[1:3] != kind:
            return False
        at += max(7, int.from_bytes(header[3:6], "big") >> 5 & 0x1FFF)
    return True
