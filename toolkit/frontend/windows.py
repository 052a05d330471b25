"""Samples of any length to windows of the length one picture shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.samples import valid_samples
from toolkit.frontend.spec import PICTURE, FrontEnd

SLACK_SECONDS = 1.0
"""A sound within this of the window's length is one window, untouched (GTZAN's clips are 29.9 to 30.7 s)."""


def fitted(samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.float32]:
    """Return a window as long as a model with a front end of its own accepts it, float32 (spec.fixed_samples,).

    A longer one loses its end; a shorter one is repeated, or filled up with zeros where `spec.short` is "pad". Raise
    `AudioError` if the samples are empty, not one-dimensional, or not finite.
    """
    samples, size = valid_samples(samples), spec.fixed_samples
    if len(samples) < size and spec.short == "pad":
        return np.pad(samples, (0, size - len(samples)))
    return np.resize(samples, size)


def split_windows(samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> list[NDArray[np.float32]]:
    """Return mono samples, float32 (n,), at `spec.sample_rate` as windows, each to be one picture; errors as `fitted`.

    - Within a second of `spec.window_seconds`: one window, all samples untouched, unless it is to be a grid.
    - Longer: views of `samples`, `spec.hop_seconds` apart and one at the end, or where that is 0 the fewest windows
      that cover everything, evenly spaced, the first at the start and the last at the end.
    - Shorter: one window by `spec.short`. "tile" repeats the sound, "pad" appends zeros, "stretch" leaves it as it is.
    """
    samples = valid_samples(samples)
    size = spec.window_samples
    if len(samples) < size - _slack(spec):
        if spec.short == "tile":
            return [np.resize(samples, size)]
        if spec.short == "pad":
            return [np.pad(samples, (0, size - len(samples)))]
    return [samples[first:last] for first, last in window_spans(len(samples), spec)]


def window_spans(count: int, spec: FrontEnd = PICTURE) -> list[tuple[int, int]]:
    """Return the first sample and the one after the last of each window of a sound of `count` samples."""
    size = spec.window_samples
    if count <= size + _slack(spec):
        return [(0, count)]
    if spec.hop_seconds:
        hop = max(1, round(spec.hop_seconds * spec.sample_rate))
        starts = [*range(0, count - size, hop), count - size]
        return [(start, start + size) for start in starts]
    number = -(-count // size)
    starts = [index * (count - size) // (number - 1) for index in range(number)]
    return [(start, start + size) for start in starts]


def _slack(spec: FrontEnd) -> int:
    if spec.layout == "grid":
        return 0
    return min(round(SLACK_SECONDS * spec.sample_rate), spec.window_samples // 2)
