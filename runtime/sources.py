"""What is to be classified: files, the sound files of folders, and raw samples from standard input."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.audio import pcm
from toolkit.audio.blocks import MAX_SECONDS
from toolkit.audio.decode import MAX_VALUES, SUFFIXES, collected
from toolkit.audio.samples import check_rate, mono
from toolkit.errors import AudioError

STDIN = "-"
STDIN_NAME = "<stdin>"
BLOCK = 1 << 16
"""Samples of every channel that are read at once."""


class Raw(NamedTuple):
    """How raw samples come: their rate in hertz, the number of channels, and one of `toolkit.audio.pcm.FORMATS`."""

    rate: int = 44_100
    channels: int = 1
    format: str = "s16"


class Sources(NamedTuple):
    """Names of audio files, and how many other files their folders hold, by suffix."""

    names: list[str]
    left_out: Counter[str]

    def left_out_sentence(self) -> str:
        """Return what was left out and why."""
        kinds = ", ".join(f"{suffix or 'no suffix'} {count}" for suffix, count in self.left_out.most_common(5))
        more = ", ..." if len(self.left_out) > 5 else ""
        total = self.left_out.total()
        count = "1 file is" if total == 1 else f"{total} files are"
        return f"{count} left out, not named as audio files are ({kinds}{more})"


def expanded(names: Sequence[str]) -> Sources:
    """Return names with every folder replaced by its audio files, sorted, those of its subfolders among them.

    Hidden files and folders are left out. Links are followed; a folder is read once, however many lead to it. A folder
    without any audio file stays, and is reported when it is its turn.
    """
    expanded_names: list[str] = []
    left_out: Counter[str] = Counter()
    for name in names:
        inside = sorted(_audio_files(name, left_out)) if name != STDIN and os.path.isdir(name) else []
        expanded_names += inside or [name]
    return Sources(expanded_names, left_out)


def _audio_files(folder: str, left_out: Counter[str]) -> Iterator[str]:
    closed: list[str] = []
    entered = {_identity(folder)}
    for parent, folders, names in os.walk(
        folder, onerror=lambda error: closed.append(str(error.filename)), followlinks=True
    ):
        folders[:] = [name for name in folders if not name.startswith(".") and _is_new(Path(parent, name), entered)]
        for name in names:
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if suffix in SUFFIXES:
                yield str(Path(parent, name))
            else:
                left_out[suffix] += 1
    yield from closed  # reported when it is their turn


def _is_new(folder: Path, entered: set[tuple[int, int]]) -> bool:
    identity = _identity(folder)
    is_new = identity not in entered
    entered.add(identity)
    return is_new


def _identity(folder: str | Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def check_source(name: str) -> None:
    """Raise `AudioError` where a name is that of a folder, which may not be read or has no sound files then."""
    if os.path.isdir(name):
        if not os.access(name, os.R_OK | os.X_OK):
            raise AudioError(f"{name}: the folder cannot be read (Permission denied)")
        raise AudioError(
            f"{name}: there are no audio files in this folder (their names end in {' '.join(sorted(SUFFIXES))})"
        )


def read_stdin(raw: Raw, rate: int) -> NDArray[np.float32]:
    """Return the raw samples on standard input until its end, block by block, as mono samples at `rate`, float32 (n,).

    Raises
    ------
    AudioError
        If they are too many, none, or no whole number; it says that they are of <stdin>.
    UsageError
        If there is no such format or rate.
    """
    check_rate(raw.rate)
    size = pcm.check_format(raw.format, raw.channels)
    return collected(STDIN_NAME, _blocks(raw, size), raw.rate, rate)


def _blocks(raw: Raw, size: int) -> Iterator[NDArray[np.float32]]:
    limit = size * min(raw.rate * MAX_SECONDS, MAX_VALUES // raw.channels)
    seen = 0
    while data := sys.stdin.buffer.read(size * BLOCK):
        try:
            if seen == 0:
                pcm.check_beginning(data)
            block = pcm.decode(data, raw.format, raw.channels)
        except AudioError as error:
            raise AudioError(f"{STDIN_NAME}: {error}") from None
        seen += len(data)
        if seen > limit:
            raise AudioError(f"{STDIN_NAME}: more than {limit // size / raw.rate / 60:.0f} minutes; cut it first")
        yield np.asarray(mono(block), np.float32)
    if seen == 0:
        raise AudioError(f"{STDIN_NAME}: there are no samples")
