"""The mel filters' weights in the order in which the transform returns its outputs."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.fft import SERIAL, plan
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.spec import FrontEnd

SAFETY = 1.001
"""Covers the rounding of float32 energies and spectra (below 1e-4) in a bound."""


class MelBlock(NamedTuple):
    """The mel bands that weigh one part of the transform's outputs, and their weights, (groups, bands, outputs).

    The product is cut into groups that are too small for BLAS to start threads, which would cost more than they save.
    """

    bands: slice
    matrix: NDArray[np.float32]


@lru_cache(maxsize=8)
def mel_blocks(spec: FrontEnd, chunk: int) -> tuple[MelBlock, ...]:
    """Return the filter bank in the order of the transform's outputs, for so many frames at once."""
    blocks = []
    transform = plan(spec.n_fft)
    for start, stop in transform.parts:
        matrix = filter_bank(spec)[:, transform.bins[:, start:stop].reshape(-1)]
        bands = np.flatnonzero(matrix.any(axis=1))
        used = slice(int(bands[0]), int(bands[-1]) + 1) if len(bands) else slice(0, 0)
        outputs = matrix.shape[1]
        size = outputs * (used.stop - used.start) * chunk
        groups = next(number for number in range(1, outputs + 1) if outputs % number == 0 and size <= number * SERIAL)
        grouped = matrix[used].reshape(-1, groups, outputs // groups).transpose(1, 0, 2)
        blocks.append(MelBlock(used, np.ascontiguousarray(grouped)))
    return tuple(blocks)


@lru_cache(maxsize=8)
def bound_weights(spec: FrontEnd) -> NDArray[np.float32]:
    """Return what a row of the transform's bins adds to a band's bound for its energy, shape (n_mels, rows).

    It is the largest weight the band gives to any of them; bins 0 and N / 2 weigh 0.
    """
    bank = filter_bank(spec)
    weights = reduce(np.maximum, (bank[:, bins] for bins in plan(spec.n_fft).bins.T))
    return np.asarray(weights * np.float32(SAFETY))
