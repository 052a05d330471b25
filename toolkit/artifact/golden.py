"""Synthetic inputs that any program can make again from a seed; a card holds what the file must return for them.

Whole-number arithmetic modulo 2^32 makes them alike everywhere. ARTIFACT.md has the formula.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.spec import FrontEnd

_MULTIPLIER, _MIXER, _LEAP = 747_796_405, 73_244_475, 2_891_336_453
_RANGE = 10.0
"""Natural logarithms of an amplitude that a loud mel band lies above the offset."""


def golden_input(shape: Sequence[int], low: float, high: float, seed: int, *, whole: bool) -> NDArray[np.float32]:
    """Return the input of a seed in the natural order of axes, without the batch: float32 of `shape`.

    Half of what a value varies by is a triangle wave, for a waveform a sweep, half is noise. Around it lies a slope, so
    that every row, frame and channel has values of its own. Period, phase and contrast differ by seed.

    Parameters
    ----------
    shape
        Of the input: (samples,), (bands, frames), or (rows, columns, channels).
    low, high
        Smallest and largest value.
    seed
        0 to 2^32 - 1.
    whole
        Whether values are rounded down to whole numbers, as pixels are.
    """
    rows, columns, channels = (1, *shape, 1) if len(shape) == 1 else (*shape, 1)[:3]
    row, column, channel = np.ogrid[:rows, :columns, :channels]
    if rows == 1:
        phase = (1 + seed % 5) * column * column / (32 * columns)
        centre = np.array(0.5)
    else:
        phase = (1 + seed % 3) * row / rows + (1 + seed % 5) * column / columns + channel / 3 + seed % 7 / 7
        centre = 0.25 + (row / rows + column / columns + channel / channels) / 6
    wave = 1 - np.abs(2 * (phase % 1) - 1)
    noise = _noise(rows * columns * channels, seed).reshape(wave.shape)
    contrast = (1 + seed % 4) / 4 * np.minimum(centre, 1 - centre)
    values = low + (high - low) * (centre + contrast * (wave + noise - 1))
    return np.asarray(np.floor(values) if whole else values, np.float32).reshape(shape)


def value_range(spec: FrontEnd, level: str) -> tuple[float, float]:
    """Return the smallest and the largest value that an input of a front end plausibly has."""
    if level == "waveform":
        return -1.0, 1.0
    if level == "mel":
        return -spec.top_db, 0.0
    if spec.layout != "grid":
        return 0.0, 255.0
    if spec.normalise == "clip":
        return -2.0, 2.0
    if spec.log == "ln":
        low = math.log(spec.log_offset)
        high = low + _RANGE * spec.exponent
    elif spec.log == "none":
        low, high = 0.0, 1.0
    else:
        high = 0.0 if spec.reference == "max" else 20.0
        low = high - spec.top_db
    if spec.normalise == "affine":
        low, high = sorted(((low + spec.shift) * spec.scale, (high + spec.shift) * spec.scale))
    return low, high


def _noise(count: int, seed: int) -> NDArray[np.float64]:
    """Return `count` values from 0 to 1, each a hash of its place and the seed."""
    state = np.arange(count, dtype=np.uint32) * np.uint32(_MULTIPLIER) + np.uint32((seed * _LEAP + 1) % (1 << 32))
    for _ in range(2):
        state ^= state >> np.uint32(16)
        state *= np.uint32(_MIXER)
    state ^= state >> np.uint32(16)
    return state / float(1 << 32)
