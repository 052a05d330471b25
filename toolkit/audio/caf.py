"""The recording of a Core Audio file whose last chunk goes on to the end of the file, which libsndfile refuses.

A chunk is four letters, a size of 64 bits, -1 for "to the end", and its content (Apple, Core Audio Format 1.0).
"""

from __future__ import annotations

from typing import BinaryIO

from toolkit.audio.recording import CUT_OFF, Recording

MAGIC = b"caff"
_TO_THE_END = 0xFFFFFFFFFFFFFFFF


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the one recording between two offsets of a file."""
    at = start + 8
    while at + 12 <= end:
        file.seek(at)
        header = file.read(12)
        size = int.from_bytes(header[4:], "big")
        if header[:4] == b"data":
            there = end - at - 12
            if size == _TO_THE_END or size == 0 < there:
                warning = CUT_OFF if size == 0 else ""
                return [Recording(start, end, replaced={at + 4: there.to_bytes(8, "big")}, warning=warning)]
            break
        at += 12 + size
    return [Recording(0, end)]
