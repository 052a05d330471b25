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

    A waveform is a sweep and noise. Anything else has what a spectrogram has, so that a trained network's kernels
    answer: rows of their own, onsets, a slope and noise. Their sizes and the level differ by seed.

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
    level = _sweep(shape[0], seed) if len(shape) == 1 else _texture((*shape, 1)[:3], seed)
    values = low + (high - low) * level
    return np.asarray(np.floor(values) if whole else values, np.float32).reshape(shape)


def _sweep(samples: int, seed: int) -> NDArray[np.float64]:
    """Return a triangle wave whose frequency rises, and noise, from 0 to 1."""
    place = np.arange(samples)
    phase = (1 + seed % 5) * place * place / (32 * samples)
    wave = 1 - np.abs(2 * (phase % 1) - 1)
    return np.asarray(0.5 + (1 + seed % 4) / 8 * (wave + _noise(place, seed) - 1))


def _texture(shape: Sequence[int], seed: int) -> NDArray[np.float64]:
    """Return rows and onsets that grow louder downwards, less some noise, from 0 to 1."""
    rows, columns, channels = shape
    row, column, channel = np.ogrid[:rows, :columns, :channels]
    band, onset = _noise(row // (2 + seed % 3), seed + 1), _noise(column // (3 + 3 * (seed % 4)), seed + 2)
    noise = _noise(np.arange(rows * columns * channels), seed).reshape(rows, columns, channels)
    loudness = (0.25 + 0.75 * row / rows) * (0.6 * band + 0.5 * onset) * (1 - channel / (3 * channels))
    return np.asarray(np.clip(loudness - 0.15 * noise - 0.08 * (seed % 4), 0, 1))


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


def _noise(place: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return values from 0 to 1, each a hash of its place and the seed."""
    state = place.astype(np.uint32) * np.uint32(_MULTIPLIER) + np.uint32((seed * _LEAP + 1) % (1 << 32))
    for _ in range(2):
        state ^= state >> np.uint32(16)
        state *= np.uint32(_MIXER)
    state ^= state >> np.uint32(16)
    return np.asarray(state / float(1 << 32))
