"""A sound in frames: how it is padded and cut, and which frames are transformed together."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.fft import CHUNK
from toolkit.frontend.spec import FrontEnd


@lru_cache(maxsize=8)
def chunk_frames(spec: FrontEnd) -> int:
    """Return how many frames are transformed at once: more of short ones, but hardly more than a window has."""
    most = CHUNK * max(1, min(4, 2_048 // spec.n_fft))
    chunks = -(-spec.frames // most)
    return CHUNK * -(-spec.frames // (chunks * CHUNK))


def turn_numbers(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each of `rows` how often its value came before it."""
    by_row = np.argsort(rows, kind="stable")
    counts = np.bincount(rows)
    numbers = np.empty(len(rows), dtype=np.intp)
    numbers[by_row] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return numbers


def turns(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return places in `rows`, each once, in as few groups as can be without a row twice in one."""
    numbers = turn_numbers(rows)
    return np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])


def strided(samples: NDArray[np.float32], length: int, hop: int) -> NDArray[np.float32]:
    """Return the frames of `length` that lie in samples, `hop` apart, (frames, length), as a read-only view."""
    step = samples.strides[0]
    count = max(0, (len(samples) - length) // hop + 1)
    return np.lib.stride_tricks.as_strided(samples, (count, length), (hop * step, step), writeable=False)


def padded(samples: NDArray[np.float32], sides: tuple[int, int], spec: FrontEnd) -> NDArray[np.float32]:
    """Return samples with so many more before and after them: their mirror image, or zeros."""
    before, after = sides
    if spec.padding == "constant":
        return np.concatenate([np.zeros(before, np.float32), samples, np.zeros(after, np.float32)])
    if len(samples) <= max(sides):
        return np.pad(samples, sides, mode="reflect")
    return np.concatenate([samples[before:0:-1], samples, samples[::-1][1 : after + 1]])
