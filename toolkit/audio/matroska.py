"""The recording of a Matroska or WebM file; one that was written to a pipe states no length.

An element is an identifier, a size and its content; a size whose bits are all ones is unknown (RFC 8794, section 6.2).
"""

from __future__ import annotations

from typing import BinaryIO

from toolkit.audio.recording import Recording

MAGIC = b"\x1aE\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the one recording between two offsets of a file; FFmpeg reads it."""
    at, is_stated = start, True
    while at < end:
        file.seek(at)
        identifier = _number(file)
        size = _number(file)
        if not identifier or not size:
            break
        if identifier == _SEGMENT:
            is_stated = _value(size) != (1 << 7 * len(size)) - 1
            break
        at = file.tell() + _value(size)
    return [Recording(0, end, exact=is_stated, by_ffmpeg=True)]


def _number(file: BinaryIO) -> bytes:
    """Return the bytes of a number; the zeros before its first one say how many more there are."""
    first = file.read(1)
    return first + file.read(8 - first[0].bit_length()) if first else b""


def _value(number: bytes) -> int:
    """Return a number without the bit that marks its length."""
    return int.from_bytes(number, "big") & (1 << 7 * len(number)) - 1
