"""A window of sound to the grid of bands and frames that a network sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import MelFrames, decibels

LEAST_DEVIATION = 1e-5
"""Of a window's largest absolute value: a smaller deviation is the rounding of equal values."""
NO_DEVIATION = 1e-30
"""What a window of zeros is divided by."""


def grid(samples: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return what a network with the layout "grid" sees of a window, float32 (n_mels, frames, 1).

    `samples`, float32 (n,), are mono at `spec.sample_rate`. Raise `AudioError` if they are too few, not
    one-dimensional, or not finite.
    """
    return grid_of_power(MelFrames(samples, spec).power(), spec)


def grid_of_power(power: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return the grid, float32 (n_mels, frames, 1), of frames' mel bands, float32 (frames, n_mels)."""
    values = _logarithm(power, spec)
    if spec.normalise == "affine":
        values = (values + np.float32(spec.shift)) * np.float32(spec.scale)
    if spec.normalise == "clip":
        least = LEAST_DEVIATION * float(np.abs(values).max())
        deviation = max(float(values.std(dtype=np.float64)), least, NO_DEVIATION)
        values = (values - np.float32(values.mean(dtype=np.float64))) / np.float32(deviation)
    return np.ascontiguousarray(values.T)[:, :, np.newaxis]


def _logarithm(power: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    if spec.log == "none":
        return power
    if spec.log == "ln":
        return np.asarray(np.log(power + np.float32(spec.log_offset)))
    if spec.log == "amplitude-db" and spec.reference == "max":
        return decibels(power, spec)
    factor = np.float32(20 if spec.log == "amplitude-db" else 10)
    level = factor * np.log10(np.maximum(power, np.float32(spec.amin)))
    loudest = level.max()
    if spec.reference == "max":
        level -= loudest
        loudest = np.float32(0)
    return np.asarray(np.maximum(level, loudest - np.float32(spec.top_db)))
