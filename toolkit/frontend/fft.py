"""Power spectra of many frames at once, as three matrix products a chunk.

A DFT of N = P * M * Q real points splits as n = M Q a + Q b + e, k = c + P d + P M f (Cooley and Tukey, 1965): a
P-point DFT over `a` for every `b` and `e`, an M-point DFT over `b` for every `c` and `e`, and a Q-point DFT over `e`
for every `c` and `d`, with the twiddle factors folded into the matrices of the last two. All are dense real products,
which BLAS runs several times faster on one core than an FFT of each frame.

A real input needs half of the outputs, and no stage computes more. The conjugates of c = 1 .. P / 2 - 1 are left out;
c = 0 and c = P / 2, which are real, share one place as real and imaginary part do elsewhere. Of c = 0 the second stage
leaves out conjugates likewise, and lets d = 0 and d = M / 2, which are real, share a place; so does the third of these
two.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CHUNK = 32
"""Frames of 2048 samples transformed at once, few enough for a core's cache."""
_GAP = 16
"""Values between two frames: frames a power of two apart would share few cache lines when they are transposed."""
SERIAL = 1 << 18
"""OpenBLAS runs a product of at most so many multiplications on one thread; starting more costs more than it saves."""


class FftPlan(NamedTuple):
    """The matrices of one transform length P * M * Q: `outer` * `middle` * `inner`.

    Attributes
    ----------
    first : ndarray of float32, shape (P, P)
        The P-point DFT to P / 2 places, two rows each: c = 0 and c = P / 2, then c = 1, 2, ..., real and imaginary.
    second : ndarray of float32, shape (P / 2, 2 M, 2 M)
        For every place, from its two rows' `b`, the twiddled M-point DFT to M places, two rows each.
    third : ndarray of float32, shape (P / 2, M, 2 Q, 2 Q)
        For every such place, from its two rows' `e`, the twiddled Q-point DFT to Q real and Q imaginary parts, both by
        rising frequency.
    bins : ndarray of intp, shape (P / 2 * M, Q)
        The frequency bin of each output: 0 .. N / 2 - 1, each once. Bin N / 2, real, stands for bin 0's imaginary part.
    parts : tuple of (int, int)
        The ranges of the Q outputs that are kept apart: the lowest eighth of the spectrum, the next, a quarter, a half.
    """

    outer: int
    middle: int
    inner: int
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    third: NDArray[np.float32]
    bins: NDArray[np.intp]
    parts: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """Samples in one frame."""
        return self.outer * self.middle * self.inner


@lru_cache(maxsize=8)
def plan(length: int) -> FftPlan:
    """Return the plan for frames of `length` samples, a power of two that is at least 16."""
    bits = length.bit_length() - 1
    outer_bits = (bits + 2) // 3
    inner_bits = (bits - outer_bits + 1) // 2
    outer, inner = 1 << outer_bits, 1 << inner_bits
    middle = length // (outer * inner)
    a, b, d, e, f = (np.arange(size) for size in (outer, middle, middle, inner, inner))

    roots = np.exp(-2j * np.pi * np.arange(length) / length).astype(np.complex64)  # what follows moves them only
    first = _packed(roots[np.outer(middle * inner * a, a) % length])[: outer // 2, :, :outer]

    low = np.arange(outer // 2)[:, None] + outer * d
    second = _paired(roots[low[:, :, None] * (inner * b) % length])
    other = roots[np.outer(outer // 2 + outer * d, inner * b) % length]
    second[0] = _packed(roots[np.outer(low[0], inner * b) % length], other)
    low[0, middle // 2 :] = outer // 2 + outer * d[: middle // 2]

    k = low[:, :, None] + outer * middle * f
    one, other = k[0, 0], k[0, 0] + outer * middle // 2
    packed = _packed(roots[np.outer(one, e) % length], roots[np.outer(other, e) % length])
    k[0, 0, inner // 2 :] = other[: inner // 2]
    rising = np.argsort(np.minimum(k, length - k), axis=-1)
    k = np.take_along_axis(k, rising, axis=-1)
    third = _paired(roots[k[..., None] * e % length]).swapaxes(2, 3)
    third[0, 0] = packed[rising[0, 0]].swapaxes(0, 1)
    bins = np.minimum(k, length - k)
    return FftPlan(
        outer,
        middle,
        inner,
        np.ascontiguousarray(first.reshape(outer, outer)),
        second.reshape(outer // 2, 2 * middle, 2 * middle),
        third.reshape(outer // 2, middle, 2 * inner, 2 * inner),
        bins.reshape(-1, inner),
        tuple(pairwise(sorted({0, inner // 8, inner // 4, inner // 2, inner}))),
    )


def _paired(matrix: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return complex matrices (..., m, n) as real ones (..., m, 2, 2 n): to real and imaginary part, from n of each."""
    real, imaginary = matrix.real, matrix.imag
    rows = np.concatenate([real, -imaginary], axis=-1), np.concatenate([imaginary, real], axis=-1)
    return np.stack(rows, axis=-2)


def _packed(one: NDArray[np.complex64], other: NDArray[np.complex64] | None = None) -> NDArray[np.float32]:
    """Return the halves without conjugates of the transforms (n, n) of two real inputs, as one matrix (n, 2, 2 n).

    The first n / 2 pairs of rows are of `one`: its rows 0 and n / 2, which are real, then 1, 2, ...; the others are
    rows 0, 1, ... of `other`, which have n / 2 conjugates.
    """
    half = len(one) // 2
    packed = np.zeros((2 * half, 2, 4 * half), dtype=np.float32)
    pairs = np.stack([one.real, one.imag], axis=1)
    pairs[0, 1] = one[half].real
    packed[:half, :, : 2 * half] = pairs[:half]
    if other is not None:
        packed[half:, :, 2 * half :] = np.stack([other.real, other.imag], axis=1)[:half]
    return packed


def multiply(matrices: NDArray[np.float32], values: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write `matrices @ values` to `out`, in groups of columns that are too small for BLAS to start threads."""
    rows, inner = matrices.shape[-2:]
    columns = values.shape[-1]
    groups = 1
    while rows * inner * columns > groups * SERIAL:
        groups *= 2
    width = columns // groups
    np.matmul(
        matrices[..., None, :, :],
        values.reshape(*values.shape[:-1], groups, width).swapaxes(-3, -2),
        out=out.reshape(*out.shape[:-1], groups, width).swapaxes(-3, -2),
    )


class PowerSpectra:
    """Power spectra of chunks of frames, in buffers that are allocated once and used again."""

    def __init__(self, length: int, chunk: int = CHUNK) -> None:
        """Allocate the buffers for `chunk` frames, a multiple of `CHUNK`, of `length` samples."""
        self.plan, self.chunk = plan(length), chunk
        outer, middle, inner = self.plan.outer, self.plan.middle, self.plan.inner
        self.frames = np.zeros((chunk, length + _GAP), dtype=np.float32)[:, :length]
        """The input, shape (chunk, length): fill it, then call."""
        # Every stage reads one buffer and writes the other, so that both stay in the cache.
        even, odd = np.empty((2, length * chunk), dtype=np.float32)
        self._columns = even.reshape(length, chunk)
        self._first = odd.reshape(outer, middle * inner * chunk)
        self._second = even.reshape(outer // 2, 2 * middle, inner * chunk)
        self._spectra = odd.reshape(outer // 2 * middle, 2, inner, chunk)
        self._power = [
            np.empty((outer // 2 * middle, stop - start, chunk), dtype=np.float32) for start, stop in self.plan.parts
        ]

    def __call__(self) -> list[NDArray[np.float32]]:
        """Return |X|^2 of every frame, an array of shape (outputs, chunk) for each of `plan.parts`.

        Their order is that of `plan.bins`; the first is the sum for bins 0 and N / 2. The next call overwrites them.
        """
        outer, middle, inner = self.plan.outer, self.plan.middle, self.plan.inner
        self._two_stages()
        multiply(
            self.plan.third,
            self._second.reshape(outer // 2, middle, 2 * inner, self.chunk),
            self._spectra.reshape(outer // 2, middle, 2 * inner, self.chunk),
        )
        np.square(self._spectra, out=self._spectra)
        for (start, stop), power in zip(self.plan.parts, self._power, strict=True):
            np.add(self._spectra[:, 0, start:stop], self._spectra[:, 1, start:stop], out=power)
        return [power.reshape(-1, self.chunk) for power in self._power]

    def class_energy(self) -> NDArray[np.float32]:
        """Return the sum of |X|^2 over each row of `plan.bins`, shape (len(bins), chunk), for half the work.

        By Parseval's theorem for the third stage that is Q times the power of its inputs; but for the first row, which
        has no conjugates, half of it, and half the power of bins 0 and N / 2.
        """
        self._two_stages()
        np.square(self._second, out=self._second)
        # A product with a row that is constant sums several times faster than `sum` does over an inner axis.
        row = np.full(2 * self.plan.inner, self.plan.inner, dtype=np.float32)
        energy = row @ self._second.reshape(-1, 2 * self.plan.inner, self.chunk)
        energy[0] /= 2
        return np.asarray(energy)

    def _two_stages(self) -> None:
        outer, middle, inner = self.plan.outer, self.plan.middle, self.plan.inner
        np.copyto(self._columns, self.frames.T)
        multiply(self.plan.first, self._columns.reshape(outer, -1), self._first)
        multiply(self.plan.second, self._first.reshape(outer // 2, 2 * middle, inner * self.chunk), self._second)
