"""A file's recordings by its content: where each begins and ends, and whether its header states its length."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NamedTuple

FFMPEG_SUFFIXES = frozenset(
    {".m4a", ".m4b", ".mp4", ".mov", ".aac", ".3gp", ".wma", ".webm", ".mka", ".mkv", ".ac3", ".amr", ".ape", ".wv"}
)
"""What the names of files end in that libsndfile cannot read: an installed ffmpeg does."""
ID3 = b"ID3"
_NOTHING: Mapping[int, bytes] = {}
CUT_OFF = "its header states no length, as that of a recorder that was cut off: it is read to the end of the file"
_MODULES = {
    b"fLaC": "flac",
    b"RIFF": "riff",
    b"RIFX": "riff",
    b"RF64": "riff",
    b"FORM": "riff",
    b"OggS": "ogg",
    b".snd": "au",
    b"caff": "caf",
    b"ftyp": "mp4",
}
_FFMPEG_MAGICS = (b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"#!AMR", b"\x0bw", b"FLV", b"wvpk", b"MAC ")
"""The first bytes of Matroska, ASF (WMA), AMR, AC-3, FLV, WavPack and Monkey's Audio."""


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


def recordings(path: Path, size: int) -> list[Recording]:
    """Return the recordings of a file of `size` bytes, at least one. The content decides what it is, not the name.

    Raises
    ------
    AudioError
        If an Ogg page is damaged or missing; the message does not name the file.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        start = after_id3(file, 0)
        file.seek(start)
        head = file.read(12)
        if head.startswith(_FFMPEG_MAGICS) or _is_adts(head):
            return [Recording(0, size, by_ffmpeg=True)]
        name = next((name for magic, name in _MODULES.items() if magic in (head[:4], head[4:8])), None)
        if name is not None:
            container = import_module(f"toolkit.audio.{name}")  # only what is needed: a first label waits for it
            located: list[Recording] = container.recordings(file, start, size)
            return located
        from toolkit.audio import mp3

        by_ffmpeg = path.suffix.lower() in FFMPEG_SUFFIXES
        return mp3.recordings(file, start, size) or [Recording(0, size, by_ffmpeg=by_ffmpeg)]


def after_id3(file: BinaryIO, at: int) -> int:
    """Return the offset of the first byte after the ID3v2 tags that begin at `at` (id3.org, ID3v2.4, section 3.1)."""
    while True:
        file.seek(at)
        header = file.read(10)
        if len(header) < 10 or not header.startswith(ID3) or max(header[6:10]) > 127:
            return at
        length = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
        at += 10 + length + (10 if header[5] & 0x10 else 0)


def _is_adts(head: bytes) -> bool:
    """Return whether bytes begin as AAC does without a container (ISO/IEC 13818-7, section 6.2)."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
