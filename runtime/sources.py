"""What is to be classified: files, the sound files of folders, and raw samples from standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Raw:
    """How raw samples come: their rate in hertz, the number of channels, and one of `toolkit.audio.pcm.FORMATS`."""

    rate: int = 44_100
    channels: int = 1
    format: str = "s16"


def expanded(names: Sequence[str]) -> list[str]:
    """Return names with every folder replaced by its sound files, sorted, those of its subfolders among them.

    Hidden files and folders are left out.

    A folder without any stays, and is reported when it is its turn.
    """
    expanded_names: list[str] = []
    for name in names:
        inside = sorted(_sounds(name)) if name != STDIN and os.path.isdir(name) else []
        expanded_names += inside or [name]
    return expanded_names


def _sounds(folder: str) -> Iterator[str]:
    closed: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=lambda error: closed.append(str(error.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield str(Path(parent, name))
    yield from closed  # reported when it is their turn


def check_source(name: str) -> None:
    """Raise `AudioError` where a name is that of a folder, which may not be read or has no sound files then."""
    if os.path.isdir(name):
        if not os.access(name, os.R_OK | os.X_OK):
            raise AudioError(f"{name}: the folder cannot be read (Permission denied)")
        raise AudioError(f"{name}: there are no sound files in this folder (known are {' '.join(sorted(SUFFIXES))})")


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
