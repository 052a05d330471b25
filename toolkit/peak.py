"""A clip's loudest cell without the spectra of frames that cannot hold it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.fft import CHUNK
from toolkit.spectrogram import MelFrames


def peak_power(frames: MelFrames, known: NDArray[np.intp], power: NDArray[np.float32]) -> np.float32:
    """Return the largest mel power of all frames, exactly as if all had been computed.

    A picture shows one frame in four; a hidden one matters only if it holds the maximum. Those whose bound exceeds the
    largest power known are looked at, most promising first: those whose tight bound does so, too, are computed.

    Parameters
    ----------
    frames : MelFrames
        The sound's frames.
    known : ndarray of intp
        Numbers of the frames computed already, at least one.
    power : ndarray of float32, shape (len(known), n_mels)
        Their mel power.
    """
    peak = power.max()
    bounds = frames.bounds()
    bounds[known] = 0
    left = np.flatnonzero(bounds > peak)
    left = left[np.argsort(-bounds[left], kind="stable")]
    for group in (left[:CHUNK], left[CHUNK:]):  # the most promising first: their maximum clears most of the rest
        group = group[bounds[group] > peak]
        bounds[group] = frames.tight_bounds(group)
        group = group[np.argsort(-bounds[group], kind="stable")]
        while len(group := group[bounds[group] > peak]):
            best = np.unique(group % CHUNK, return_index=True)[1]
            peak = frames.power(group[best]).max(initial=peak)
            group = np.delete(group, best)
    return np.float32(peak)
