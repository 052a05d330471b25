"""A clip's loudest cell without the spectra of frames that cannot hold it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.framing import turn_numbers
from toolkit.frontend.spectrogram import MelFrames


def power_and_peak(frames: MelFrames, shown: NDArray[np.intp]) -> tuple[NDArray[np.float32], np.float32]:
    """Return the mel power of some frames, and the largest of all frames, exactly as if all had been computed.

    A picture shows one frame in four; a hidden one matters only if it holds the maximum. The most promising fill the
    places that the shown ones leave free in their chunks. Of the others, those whose bound exceeds the largest power
    so far, and whose tight bound does so, too, are computed.

    `shown`, intp, are numbers of frames, at least one, none twice; the power returned is float32 (len(shown), n_mels).
    """
    bounds = frames.bounds()
    bounds[shown] = 0
    guests = _guests(shown, np.argsort(-bounds, kind="stable")[: len(bounds) - len(shown)], frames.chunk)
    power = frames.power(np.concatenate([shown, guests]))
    peak = power.max()
    bounds[guests] = 0
    left = np.flatnonzero(bounds > peak)
    bounds[left] = frames.tight_bounds(left)
    left = left[np.argsort(-bounds[left], kind="stable")]
    while len(left := left[bounds[left] > peak]):
        best = np.unique(left % frames.chunk, return_index=True)[1]
        peak = frames.power(left[best]).max(initial=peak)
        left = np.delete(left, best)
    return power[: len(shown)], np.float32(peak)


def _guests(shown: NDArray[np.intp], hidden: NDArray[np.intp], chunk: int) -> NDArray[np.intp]:
    """Return those of `hidden`, the first ones first, that need no more chunks than `shown` alone."""
    taken = np.bincount(shown % chunk, minlength=chunk)
    places = hidden % chunk
    free = taken.max() - taken
    return np.asarray(hidden[turn_numbers(places) < free[places]])
