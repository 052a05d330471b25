"""The recordings in a file of any container. Its content decides what it is, not its name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from toolkit.audio import adts
from toolkit.audio.recording import Recording, after_id3

FFMPEG_SUFFIXES = frozenset(
    {".m4a", ".m4b", ".mp4", ".mov", ".aac", ".3gp", ".wma", ".webm", ".mka", ".mkv", ".ac3", ".amr", ".ape", ".wv"}
    | {".tta", ".dts", ".avi", ".flv", ".ts", ".mpg", ".mpeg", ".ogv", ".rm", ".nut", ".mlp", ".thd", ".latm"}
)
"""What the names of files end in that libsndfile cannot read: an installed ffmpeg does."""
MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot")
"""The letters of a box that an MP4 or QuickTime file may begin with."""
_MODULES = {
    b"fLaC": "flac",
    b"RIFF": "riff",
    b"RIFX": "riff",
    b"RF64": "riff",
    b"FORM": "riff",
    b"OggS": "ogg",
    b".snd": "au",
    b"caff": "caf",
    b"\x1aE\xdf\xa3": "matroska",
    **dict.fromkeys(MP4_BOXES, "mp4"),
}
FFMPEG_MAGICS = (b"0&\xb2u\x8ef\xcf\x11", b"#!AMR", b"FLV", b"wvpk", b"MAC ", b"\x00\x00\x01\xba")
"""The first bytes of ASF (WMA), AMR, FLV, WavPack, Monkey's Audio and MPEG's program stream."""
AC3 = b"\x0bw"
_PACKET = 188
"""Bytes of a packet in an MPEG transport stream, whose first one is 0x47 (ISO/IEC 13818-1, section 2.4.3)."""


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
        if head.startswith(FFMPEG_MAGICS):
            return [Recording(0, size, by_ffmpeg=True)]
        if head.startswith(AC3) or adts.is_header(head) or is_transport_stream(head + file.read(_PACKET * 3)):
            return [Recording(0, size, exact=False, by_ffmpeg=True)]
        name = next((name for magic, name in _MODULES.items() if magic in (head[:4], head[4:8])), None)
        if name is not None:
            container = import_module(f"toolkit.audio.{name}")  # only what is needed: a first label waits for it
            located: list[Recording] = container.recordings(file, start, size)
            return located
        from toolkit.audio import mp3

        by_ffmpeg = path.suffix.lower() in FFMPEG_SUFFIXES
        frames = mp3.recordings(file, start, size) or adts.recordings(file, start, size)
        return frames or [Recording(0, size, by_ffmpeg=by_ffmpeg)]


def is_transport_stream(data: bytes) -> bool:
    """Return whether bytes begin with packets of an MPEG transport stream."""
    return len(data) > 2 * _PACKET and data[0] == data[_PACKET] == data[2 * _PACKET] == 0x47
