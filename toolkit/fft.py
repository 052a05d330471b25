"""Power spectra of many frames at once, as two matrix products a chunk.

A DFT of N = P * Q real points splits as n = Q a + b, k = c + P d (Cooley and Tukey, 1965): first a P-point DFT over `a`
for every `b`, then, with the twiddle factors folded into its matrix, a Q-point DFT over `b` for every `c`. A real input
needs only c = 0 .. P / 2. Both are dense real products, which BLAS runs several times faster on one core than an FFT of
each frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CHUNK = 32
"""Frames transformed at once, few enough for a core's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The matrices of one transform length.

    Attributes
    ----------
    outer, inner : int
        P and Q; P * Q is the length.
    first : ndarray of float32, shape (2 * (P // 2 + 1), P)
        Real and imaginary parts, interleaved by row, of the P-point DFT.
    second : ndarray of float32, shape (P // 2 + 1, 2 Q, 2 Q)
        For every `c` the twiddled Q-point DFT as a real matrix to (real d, imaginary d) from (real b, imaginary b). The
        order of `d` is by frequency: 0, Q - 1, 1, Q - 2, ...
    parts : tuple of (int, int)
        The ranges of that order that are kept apart: two quarters of all frequencies, and the upper half.
    bins : tuple of ndarray of intp, shape ((P // 2 + 1) * (stop - start),)
        For each part the frequency bin, 0 .. N / 2, that each output holds; a few bins are held twice.
    """

    outer: int
    inner: int
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    parts: tuple[tuple[int, int], ...]
    bins: tuple[NDArray[np.intp], ...]

    @property
    def length(self) -> int:
        """Samples in one frame."""
        return self.outer * self.inner

    @property
    def half(self) -> int:
        """P // 2 + 1, the first stage's outputs that are not each other's conjugates."""
        return self.outer // 2 + 1


@lru_cache(maxsize=8)
def plan(length: int) -> Plan:
    """Return the plan for frames of `length` samples, a power of two that is at least 16."""
    outer = 1 << (length.bit_length() // 2)
    inner = length // outer
    half = outer // 2 + 1
    a, b, c = np.arange(outer), np.arange(inner), np.arange(half)
    d = np.stack([b[: inner // 2], b[: inner // 2 - 1 : -1]], axis=1).reshape(-1)
    angle = -2 * np.pi * np.outer(c, a) / outer
    first = np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(2 * half, outer)
    k = c[:, None] + outer * d
    turns = (b[None, :, None] * k[:, None, :]) % length
    angle = -2 * np.pi * turns / length
    real, imaginary = np.cos(angle), np.sin(angle)
    second = np.block([[real, imaginary], [-imaginary, real]]).transpose(0, 2, 1)
    parts = ((0, inner // 4), (inner // 4, inner // 2), (inner // 2, inner))
    bins = tuple(np.minimum(k, length - k)[:, start:stop].reshape(-1) for start, stop in parts)
    return Plan(outer, inner, first.astype(np.float32), second.astype(np.float32, order="C"), parts, bins)


class PowerSpectra:
    """Power spectra of chunks of `CHUNK` frames, in buffers that are allocated once and used again."""

    def __init__(self, length: int) -> None:
        """Allocate the buffers for frames of `length` samples."""
        self.plan = plan(length)
        half, inner = self.plan.half, self.plan.inner
        self.frames = np.zeros((CHUNK, length), dtype=np.float32)
        """The input, shape (CHUNK, length): fill it, then call."""
        self._stage = np.empty((CHUNK, 2 * half, inner), dtype=np.float32)
        self._spectra = np.empty((half, 2 * inner, CHUNK), dtype=np.float32)
        self._power = [np.empty((half * (stop - start), CHUNK), dtype=np.float32) for start, stop in self.plan.parts]

    def __call__(self) -> list[NDArray[np.float32]]:
        """Return |X|^2 of every frame, an array of shape (len(bins), CHUNK) for each of `plan.bins`.

        The next call overwrites them.
        """
        half, inner = self.plan.half, self.plan.inner
        self._first_stage()
        np.matmul(self.plan.second, self._stage.reshape(CHUNK, half, 2 * inner).transpose(1, 2, 0), out=self._spectra)
        np.square(self._spectra, out=self._spectra)
        for (start, stop), power in zip(self.plan.parts, self._power, strict=True):
            real, imaginary = self._spectra[:, start:stop], self._spectra[:, inner + start : inner + stop]
            np.add(real, imaginary, out=power.reshape(half, stop - start, CHUNK))
        return self._power

    def class_energy(self) -> NDArray[np.float32]:
        """Return the sum of |X|^2 over each class of outputs, shape (CHUNK, P // 2 + 1), for half the work.

        Class c holds the outputs k = c + P d for all d. By Parseval's theorem for the second stage, their power sums to
        Q times that of the first stage's outputs.
        """
        self._first_stage()
        stage = self._stage.reshape(CHUNK, self.plan.half, 2 * self.plan.inner)
        return np.asarray(self.plan.inner * np.einsum("tcb,tcb->tc", stage, stage))

    def _first_stage(self) -> None:
        frames = self.frames.reshape(CHUNK, self.plan.outer, self.plan.inner)
        np.matmul(self.plan.first, frames, out=self._stage)
