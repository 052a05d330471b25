"""The recordings of an MP4 file (m4a, mov): several may follow each other, and one in fragments states no length.

A box is a size of 32 bits, four letters and its content; size 1 stands for 64 bits after the letters, and 0 for the
rest of the file (ISO/IEC 14496-12, section 4.2). A box before a fragment, `moof`, lists its samples (section 8.8.4).
"""

from __future__ import annotations

from typing import BinaryIO

from toolkit.audio.recording import Recording

FIRST_BOX, FRAGMENT = b"ftyp", b"moof"


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file; FFmpeg reads each."""
    starts: list[int] = []
    fragmented: set[int] = set()
    at = start
    while at + 8 <= end:
        file.seek(at)
        header = file.read(16)
        size = int.from_bytes(header[:4], "big")
        if header[4:8] == FIRST_BOX:
            starts.append(at)
        if header[4:8] == FRAGMENT:
            fragmented.add(len(starts))
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if size < 8:
            break
        at += size
    if len(starts) < 2:
        return [Recording(0, end, exact=not fragmented, by_ffmpeg=True)]
    return [
        Recording(at, last, exact=number not in fragmented, by_ffmpeg=True)
        for number, (at, last) in enumerate(zip(starts, [*starts[1:], end], strict=True), start=1)
    ]
