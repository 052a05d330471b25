"""Sound that is read once, block by block: a file's, or raw samples on standard input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from runtime.sources import STDIN_NAME, Raw
from runtime.stream.blocks import Blocks
from runtime.stream.pipe import piped
from runtime.stream.repair import repaired
from toolkit.audio.decode import stream, valid_blocks
from toolkit.audio.downmix import downmixed
from toolkit.audio.samples import check_rate
from toolkit.errors import AudioError


class Source:
    """Mono samples at one rate, float32 (n,) per block, that can be read once.

    Attributes
    ----------
    seconds
        Of what has been read so far.
    warnings
        What is doubtful about it so far, a sentence each.
    """

    def __init__(self, blocks: Iterable[NDArray[np.float32]], rate: int, warnings: list[str] | None = None) -> None:
        """Read `blocks` at `rate` hertz, which add to `warnings`."""
        self.seconds = 0.0
        self.warnings = [] if warnings is None else warnings
        self._blocks, self._rate = blocks, rate

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        samples = 0
        for block in self._blocks:
            samples += len(block)
            self.seconds = samples / self._rate
            yield block


def file_source(path: str, rate: int) -> Source:
    """Return a file's sound at `rate` hertz, however long it is; reading it raises what `toolkit.audio.decode` does."""
    warnings: list[str] = []
    return Source(stream(path, rate, warnings), rate, warnings)


def raw_source(raw: Raw, rate: int, blocks: Blocks | None = None) -> Source:
    """Return raw samples at `rate` hertz as a stream gives them: damaged ones count as 0, channels may cancel.

    `blocks`, samples (n, channels), are those on standard input unless they are given. Reading raises `AudioError`
    where there are none, or they are no raw samples.
    """
    check_rate(raw.rate)
    warnings: list[str] = []
    return Source(_raw_blocks(piped(raw) if blocks is None else blocks, raw.rate, rate, warnings), rate, warnings)


def _raw_blocks(blocks: Blocks, raw_rate: int, rate: int, warnings: list[str]) -> Iterator[NDArray[np.float32]]:
    report = warnings.append
    single = downmixed(repaired(_filled(blocks), report), raw_rate, report)
    mono = (np.asarray(block, np.float32) for block in single if block is not None)
    yield from valid_blocks(STDIN_NAME, mono, raw_rate, rate)


def _filled(blocks: Blocks) -> Blocks:
    """Yield the blocks that hold samples; raise `AudioError` where none does, and name standard input in others."""
    empty = True
    try:
        for block in blocks:
            if block is not None and len(block):
                empty = False
                yield block
        if empty:
            raise AudioError("there are no samples")
    except AudioError as error:
        raise AudioError(f"{STDIN_NAME}: {error}") from None
