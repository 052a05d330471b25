"""Channels to one, also where their mean cancels to silence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from runtime.stream.blocks import Blocks, Report
from toolkit.audio.samples import downmix

SPAN_SECONDS = 0.5
"""Sound for which one decision holds."""


def downmixed(blocks: Blocks, rate: int, report: Report) -> Blocks:
    """Yield blocks (n, channels) as (n, 1): the `downmix` of each span of 0.5 s; report once that one cancels.

    Spans count from the start of the sound or of what follows a None, so the cut into blocks does not matter.
    """
    reported = False
    for span in _spans(blocks, max(1, round(SPAN_SECONDS * rate))):
        if span is None:
            yield None
            continue
        single, cancelled = downmix(span)
        if cancelled and not reported:
            reported = True
            report("the channels cancel each other (antiphase: is one wire swapped?): where they do, one is used alone")
        yield single[:, np.newaxis]


def _spans(blocks: Blocks, size: int) -> Iterator[NDArray[np.float32] | None]:
    """Yield blocks of several channels in pieces of `size` samples, the last before None or the end shorter."""
    pending = np.empty((0, 0), np.float32)
    for block in blocks:
        if block is not None and block.shape[1] > 1:
            pending = np.concatenate([pending, block]) if len(pending) else block
            while len(pending) >= size:
                yield pending[:size]
                pending = pending[size:]
            continue
        if len(pending):
            yield pending
            pending = pending[:0]
        yield block
    if len(pending):
        yield pending
