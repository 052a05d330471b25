"""Raw samples on standard input, as blocks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from runtime.sources import Raw
from runtime.stream.blocks import Blocks
from toolkit.audio import pcm
from toolkit.errors import AudioError

_BYTES = 1 << 16


def piped(raw: Raw, file: BinaryIO | None = None) -> Blocks:
    """Yield raw samples from standard input until it ends.

    Raises
    ------
    UsageError
        If the format or the number of channels is out of range.
    AudioError
        If the bytes are those of an audio file, or end within a sample.
    """
    source: Any = file or sys.stdin.buffer
    size = pcm.check_format(raw.format, raw.channels)
    rest = b""
    for data in _checked(iter(lambda: source.read1(_BYTES), b"")):
        rest += data
        whole = len(rest) - len(rest) % size
        if whole:
            yield pcm.decode(rest[:whole], raw.format, raw.channels)
            rest = rest[whole:]
    if rest:
        raise AudioError(f"it ends within a sample: {len(rest)} bytes are left over")


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield bytes; hold back the first until there are enough to tell that they are not an audio file's."""
    first = b""
    for data in chunks:
        first += data
        if len(first) >= pcm.LOOKED_AT:
            break
    pcm.check_beginning(first)
    yield first
    yield from chunks
