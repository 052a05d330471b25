"""A recording in a file: where it begins and ends, and whether its header states its length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

ID3 = b"ID3"
_NOTHING: Mapping[int, bytes] = {}
STATES_LESS = "its header states fewer samples than it holds: all are read"
CUT_OFF = "its header states no length, as that of a recorder that was cut off: it is read to the end of the file"


class Recording(NamedTuple):
    """A part of a file that a decoder reads as a file of its own.

    Attributes
    ----------
    start, end
        Its first byte, and the one after its last.
    exact
        Whether its header states its length, which is then a promise; an estimate is none.
    replaced
        Bytes that the decoder must see in the place of the file's own, by their offset in the file.
    stated_size
        The size in bytes that the decoder is to believe, where that is not `end - start`.
    warning
        What is doubtful about it, "" for nothing.
    by_ffmpeg
        Whether FFmpeg decodes it; libsndfile otherwise.
    """

    start: int
    end: int
    exact: bool = True
    replaced: Mapping[int, bytes] = _NOTHING
    stated_size: int | None = None
    warning: str = ""
    by_ffmpeg: bool = False

    def is_whole(self, size: int) -> bool:
        """Return whether it is all of a file of `size` bytes, as it stands and with a length."""
        return (self.start, self.end, self.exact) == (0, size, True) and not self.replaced


def after_id3(file: BinaryIO, at: int) -> int:
    """Return the offset of the first byte after the ID3v2 tags that begin at `at` (id3.org, ID3v2.4, section 3.1)."""
    while True:
        file.seek(at)
        header = file.read(10)
        if len(header) < 10 or not header.startswith(ID3) or max(header[6:10]) > 127:
            return at
        length = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        at += 10 + length + (10 if header[5] & 0x10 else 0)
