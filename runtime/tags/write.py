"""One file's genre, written so that a killed process or a full disk leaves the old file or the new one, whole.

mutagen writes in place, so it gets a copy beside the file. The copy takes the file's name once it is known to give the
same samples.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from runtime.tags.formats import Tags, read_tags
from toolkit.audio.decode import stream
from toolkit.error_text import first_line
from toolkit.errors import AudioError, GtzanetError
from toolkit.files import atomic_path

_RATE = 22_050
"""The rate at which samples are compared; any does."""
_FOR_ALL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What stops every other file, too: a full disk, a full quota, a file system that is read only."""


class Outcome(StrEnum):
    """What becomes of one file."""

    WRITTEN = "written"
    SAME = "has this genre"
    KEPT = "keeps its own genre"
    UNSUPPORTED = "format without a genre tag"
    FAILED = "failed"


class Tagging(NamedTuple):
    """What became of one file, and the reason where it failed; which genres it had before."""

    outcome: Outcome
    reason: str = ""
    previous: tuple[str, ...] = ()


def write_genre(path: Path, genre: str, overwrite: bool = False, dry_run: bool = False) -> Tagging:
    """Write `genre` into a file's tags and return what became of it; the audio data stay bit-identical.

    A genre that is there is kept unless `overwrite`. With `dry_run` nothing is written, and the outcome is what would
    be. A link stays a link, and the file that it leads to is written. The new file has the old one's mode, extended
    attributes and, where this process may give files away, owner; its modification time is that of the writing, so
    that backups and players notice. A file that may not be written to is refused, and so is one with several names
    (hard links), since the others would keep the old content.

    Raises
    ------
    OSError
        If nothing can be written to this file system at all: it is full, or read only.
    """
    from mutagen import MutagenError

    try:
        tags = read_tags(path)
        if tags is None:
            return Tagging(Outcome.UNSUPPORTED)
        if tags.genres == (genre,):
            return Tagging(Outcome.SAME)
        if tags.genres and not overwrite:
            return Tagging(Outcome.KEPT, previous=tags.genres)
        target = path.resolve()
        if reason := _refusal(target):
            return Tagging(Outcome.FAILED, reason)
        if not dry_run:
            _replace(target, tags, genre)
        return Tagging(Outcome.WRITTEN, previous=tags.genres)
    except OSError as error:
        if error.errno in _FOR_ALL:
            raise
        return Tagging(Outcome.FAILED, error.strerror or first_line(error))
    except (GtzanetError, MutagenError) as error:
        return Tagging(Outcome.FAILED, first_line(error))


def _refusal(path: Path) -> str:
    """Return why a file is not to be written to, "" where it is."""
    status = path.stat()
    if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        return "it is read only: make it writable first (chmod u+w)"
    if status.st_nlink > 1:
        return f"it has {status.st_nlink} names (hard links), and the others would keep the old tag: copy it first"
    return ""


def _replace(path: Path, tags: Tags, genre: str) -> None:
    """Put a copy with other tags in a file's place."""
    before = path.stat()
    samples = _samples_digest(path)
    with atomic_path(path, mode=stat.S_IMODE(before.st_mode)) as copy:
        shutil.copyfile(path, copy)
        shutil.copystat(path, copy)
        copy.chmod(before.st_mode | stat.S_IWUSR)
        with suppress(PermissionError):
            os.chown(copy, before.st_uid, before.st_gid)
        tags.save(copy, genre)
        written = read_tags(copy)
        if written is None or written.genres != (genre,):
            raise GtzanetError(f'its tags cannot hold the genre "{genre}": nothing is written')
        if _samples_digest(copy) != samples:
            raise GtzanetError("its samples would change: nothing is written")
        os.utime(copy)
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise GtzanetError("another program writes to it: nothing is written")


def _samples_digest(path: Path) -> bytes:
    """Return a digest of a file's samples."""
    digest = hashlib.sha256()
    try:
        for block in stream(path, _RATE, []):
            digest.update(block.tobytes())
    except AudioError as error:
        raise GtzanetError(str(error).removeprefix(f"{path}: ")) from None
    return digest.digest()
