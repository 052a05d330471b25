"""Raw samples on standard input, as blocks."""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from runtime.sources import Raw
from runtime.stream.blocks import STALL_SECONDS, Blocks, Report
from toolkit.audio import pcm
from toolkit.errors import AudioError

_BYTES = 1 << 16


def piped(raw: Raw, report: Report, file: BinaryIO | None = None, stall: float = STALL_SECONDS) -> Blocks:
    """Yield raw samples from standard input until it ends; say so where none come for a while.

    Raises
    ------
    UsageError
        If there is no such format.
    AudioError
        If the bytes are those of a sound file, or end within a sample.
    """
    source: Any = file or sys.stdin.buffer
    size = pcm.check_format(raw.format, raw.channels)
    rest = b""
    for data in _checked(_chunks(source, stall, report)):
        rest += data
        whole = len(rest) - len(rest) % size
        if whole:
            yield pcm.decode(rest[:whole], raw.format, raw.channels)
            rest = rest[whole:]
    if rest:
        raise AudioError(f"it ends within a sample: {len(rest)} bytes are left over")


def _chunks(source: Any, stall: float, report: Report) -> Iterator[bytes]:
    """Yield bytes as they come."""
    while True:
        waited = _wait(source, stall, report)
        data = source.read1(_BYTES)
        if not data:
            return
        if waited:
            report("sound again")
        yield data


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield bytes, the first of them when there are enough to tell that they are no sound file's."""
    first = b""
    for data in chunks:
        first += data
        if len(first) >= pcm.LOOKED_AT:
            break
    pcm.check_beginning(first)
    yield first
    yield from chunks


def _wait(source: Any, stall: float, report: Report) -> bool:
    """Return when there is something to read, if the system can tell; say so, and return True, if that takes long."""
    try:
        if select.select([source], [], [], stall)[0]:
            return False
    except (OSError, ValueError):  # a file that cannot be waited for
        return False
    report(f"no sound for {stall:g} s; waiting")
    select.select([source], [], [])
    return True
