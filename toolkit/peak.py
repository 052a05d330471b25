"""A clip's loudest cell without the spectra of frames that cannot hold it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.fft import CHUNK
from toolkit.spectrogram import MelFrames

_ROUNDING = np.float32(1 - 1e-4)
"""Two ways to add up one float32 power differ by far less."""


def peak_power(frames: MelFrames, known: NDArray[np.intp], power: NDArray[np.float32]) -> np.float32:
    """Return the largest mel power of all frames, exactly as if all had been computed.

    A picture shows one frame in four; a hidden one matters only if it holds the maximum. Those whose bound exceeds the
    largest power known are computed, most promising first, until no bound does. This is done as quickly as can be, then
    those within rounding of the maximum are computed as `MelFrames.power` always does.

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
    seen, loudest = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32)
    while len(left):
        seen = np.concatenate([seen, left[:CHUNK]])
        loudest = np.concatenate([loudest, frames.rough_peaks(left[:CHUNK])])
        left = left[CHUNK:]
        left = left[bounds[left] > max(peak, loudest.max()) * _ROUNDING]
    near = seen[loudest > max(peak, loudest.max(initial=0)) * _ROUNDING]
    return np.float32(frames.power(near).max(initial=peak))
