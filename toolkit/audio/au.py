"""The recordings of a Sun AU file: several may follow each other, and a recorder that is cut off leaves a size of 0."""

from __future__ import annotations

from typing import BinaryIO

from toolkit.audio.recording import CUT_OFF, STATES_LESS, Recording

MAGIC = b".snd"
_TO_THE_END = b"\xff\xff\xff\xff"


def recordings(file: BinaryIO, start: int, end: int) -> list[Recording]:
    """Return the recordings between two offsets of a file."""
    parts: list[Recording] = []
    while True:
        file.seek(start)
        header = file.read(12)
        offset, size = int.from_bytes(header[4:8], "big"), int.from_bytes(header[8:12], "big")
        following = start + offset + size
        file.seek(following)
        is_joined = size > 0 and following < end and file.read(len(MAGIC)) == MAGIC
        goes_on = following < end and not is_joined
        doubt = CUT_OFF if size == 0 else STATES_LESS
        parts.append(
            Recording(
                start,
                following if is_joined else end,
                replaced={start + 8: _TO_THE_END} if goes_on else {},
                warning=doubt if goes_on else "",
            )
        )
        if not is_joined:
            return parts
        start = following
