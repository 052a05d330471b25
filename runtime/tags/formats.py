"""The genres in an audio file's tags: ID3v2 in MP3, Vorbis comments in FLAC and Ogg, the item "©gen" in MP4.

The content decides what a file is, not its name: a tag of the wrong kind would damage it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from toolkit.audio import mp3
from toolkit.audio.mp4 import FIRST_BOX
from toolkit.audio.recording import after_id3
from toolkit.errors import UsageError

_ID3V1_BYTES, _NO_GENRE = 128, 255


class Tags(Protocol):
    """The tags of one file, as read; `save` puts them into a file that is a copy of it."""

    genres: tuple[str, ...]

    def save(self, path: Path, genre: str) -> None:
        """Write the tags with `genre` as the only genre, and everything else as it is."""


def check_installed() -> None:
    """Raise `UsageError` where mutagen is not installed."""
    try:
        import mutagen  # noqa: F401
    except ModuleNotFoundError:
        raise UsageError("--write-tags needs mutagen (try: pip install 'gtzanet-edge[tags]')") from None


def read_tags(path: Path) -> Tags | None:
    """Return a file's tags, or None where its format is none of those above.

    Raises
    ------
    mutagen.MutagenError
        If its tags are damaged.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        start = after_id3(file, 0)
        file.seek(start)
        head = file.read(40)
        is_mpeg = head[:1] == b"\xff" and bool(mp3.recordings(file, start, path.stat().st_size))
    if is_mpeg:
        return _Id3(path)
    if head.startswith((b"fLaC", b"OggS")):
        return _vorbis_comments(path, head)
    return _mp4(path) if head[4:8] == FIRST_BOX else None


class _Id3:
    """ID3v2 in the version that is there; 2.3, which every player reads, where there is none or the older 2.2.

    Frames are not translated between versions, so that those which mutagen has no place for stay. Of an ID3v1 tag only
    the genre's number changes: mutagen would write all of it again, without the comment.
    """

    def __init__(self, path: Path) -> None:
        from mutagen.id3 import ID3, ID3NoHeaderError

        self._version = 3
        try:
            self._tags = ID3(path, translate=False)
        except ID3NoHeaderError:
            self._tags = ID3()
        else:
            self._version = max(self._tags.version[1], 3)
            if self._tags.version < (2, 3):
                self._tags.update_to_v23()
        self.genres = tuple(name for frame in self._tags.getall("TCON") for name in frame.genres if name)

    def save(self, path: Path, genre: str) -> None:
        from mutagen.id3 import TCON, Encoding

        self._tags.setall("TCON", [TCON(encoding=Encoding.UTF8, text=[genre])])
        before = _id3v1(path)
        self._tags.save(path, v2_version=self._version, v23_sep=None)
        if before and _id3v1(path):
            numbers = [number for number, name in enumerate(TCON.GENRES) if _letters(name) == _letters(genre)]
            with path.open("r+b") as file:
                file.seek(-_ID3V1_BYTES, os.SEEK_END)
                file.write(before[:-1] + bytes(numbers[:1] or [_NO_GENRE]))


def _id3v1(path: Path) -> bytes:
    """Return the ID3v1 tag at a file's end, empty where there is none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ID3V1_BYTES))
        end = file.read()
    return end if end.startswith(b"TAG") and len(end) == _ID3V1_BYTES else b""


def _letters(name: str) -> str:
    """Return what of a genre's name counts: "hiphop" of "Hip-Hop"."""
    return "".join(filter(str.isalnum, name)).casefold()


class _Named:
    """Tags that have names."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name
        self.genres = tuple(value for value in (file.tags or {}).get(name, ()) if value)

    def save(self, path: Path, genre: str) -> None:
        if self._file.tags is None:
            self._file.add_tags()
        self._file.tags[self._name] = [genre]
        self._file.save(path)


def _vorbis_comments(path: Path, head: bytes) -> Tags | None:
    from mutagen.flac import FLAC
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    magics = {b"fLaC": FLAC, b"\x01vorbis": OggVorbis, b"OpusHead": OggOpus, b"\x7fFLAC": OggFLAC}
    first = head if head.startswith(b"fLaC") else head[28:]  # behind the header of a page with one packet
    container = next((container for magic, container in magics.items() if first.startswith(magic)), None)
    return container and _Named(container(path), "genre")


def _mp4(path: Path) -> Tags:
    from mutagen.mp4 import MP4

    return _Named(MP4(path), "\xa9gen")
