"""Channels to one: their mean, or one of them where the mean cancels, as that of two in antiphase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.samples import mono

CANCELLED = "its channels cancel each other (antiphase: is one wire swapped?): where they do, one is used alone"
SPAN_SECONDS = 0.5
"""Sound for which one decision holds."""
_CANCELLED = 1e-3
"""The mean cancels where its power is this share of the loudest channel's (-30 dB): a correlation below -0.998."""


def downmix(samples: NDArray[np.floating]) -> tuple[NDArray[np.floating], bool]:
    """Return samples (n, channels) as one channel (n,), and whether their mean cancels.

    It is the mean; where that cancels, the first channel with at least half of the loudest one's power. Channels in
    antiphase are about equally loud, so the choice is the same in every span. Powers are variances: without offsets.
    """
    single = mono(samples)
    if samples.shape[1] == 1 or len(samples) == 0:
        return single, False
    with np.errstate(all="ignore"):
        if not _may_cancel(samples, single):
            return single, False
        powers = samples.var(axis=0, dtype=np.float64)
        if not single.var(dtype=np.float64) < _CANCELLED * powers.max():
            return single, False
    return samples[:, np.argmax(powers >= powers.max() / 2)], True


def _may_cancel(samples: NDArray[np.floating], single: NDArray[np.floating]) -> bool:
    """Return False where the mean of channels is so loud that it cannot cancel: a quick look at most sound.

    Squares bound the variances of channels, and the factors are far above what float32 rounds.
    """
    power = float(np.dot(single, single))
    loudest = max(float(np.dot(channel, channel)) for channel in np.ascontiguousarray(samples.T))
    return not power - float(single.sum()) ** 2 / len(single) > max(4 * _CANCELLED * loudest, 0.01 * power)


def downmixed(
    blocks: Iterable[NDArray[np.floating] | None], rate: int, report: Callable[[str], None]
) -> Iterator[NDArray[np.floating] | None]:
    """Yield blocks (n, channels) as (n,): the `downmix` of each span of 0.5 s; report once that one cancels.

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
            report(CANCELLED)
        yield single


def _spans(blocks: Iterable[NDArray[np.floating] | None], size: int) -> Iterator[NDArray[np.floating] | None]:
    """Yield blocks of several channels in pieces of `size` samples, the last before None or the end shorter."""
    pending: NDArray[np.floating] = np.empty((0, 0), np.float32)
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
