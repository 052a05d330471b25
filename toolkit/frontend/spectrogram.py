"""Samples to mel power and decibels, as librosa's `melspectrogram` and `amplitude_to_db` define them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.samples import valid_samples
from toolkit.errors import AudioError
from toolkit.frontend.fft import PowerSpectra, multiply
from toolkit.frontend.framing import chunk_frames, padded, strided, turns
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.mel_weights import SAFETY, bound_weights, mel_blocks
from toolkit.frontend.spec import PICTURE, FrontEnd

_BLOCKS = 8
"""Blocks of a hop whose energies make a frame's bound: more are closer, and slower."""
_LONG = 4
"""So many frame lengths are cut into frames without a padded copy."""
_UNHEARD = 0.99
"""The share of the floor's power below which rounding cannot lift a cell above the floor."""
_QUIET = np.errstate(all="ignore")
"""BLAS on some processors (aarch64) raises floating-point flags for places that are no result; samples are checked."""


@lru_cache(maxsize=8)
def frame_window(spec: FrontEnd) -> NDArray[np.float32]:
    """Return what a frame's samples are multiplied by, float32 (n_fft,).

    It is a Hann window of `window_length`, between zeros where frames are centred, and before them where they are not.
    """
    length = spec.frame_length
    period = length if spec.window == "hann" else length - 1
    window = np.zeros(spec.n_fft, np.float32)
    first = (spec.n_fft - length) // 2 if spec.centred else 0
    window[first : first + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / period)
    return window


def emphasised(samples: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return samples after pre-emphasis, float32, one fewer; the same array where there is none."""
    if not spec.pre_emphasis:
        return samples
    result = samples[:-1] * np.float32(-spec.pre_emphasis)
    result += samples[1:]
    return result


class MelFrames:
    """The frames of one clip; the mel power of each is computed when `power` needs it."""

    def __init__(self, samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> None:
        """Cut mono samples at `spec.sample_rate` into frames; frame i is centred on or begins at i * hop_length.

        Raise `AudioError` if the samples are too few, not one-dimensional, or not finite.
        """
        samples, half = valid_samples(samples), spec.n_fft // 2
        if not spec.centred and spec.frames_of(len(samples)) < 1:
            raise AudioError(f"{len(samples)} samples hold no frame of {spec.frame_length}")
        samples = valid_samples(emphasised(samples, spec))
        if not spec.centred:
            self._cut_into_frames(np.pad(samples, (0, spec.n_fft - spec.frame_length)), spec)
        elif len(samples) < _LONG * spec.n_fft:
            self._cut_into_frames(padded(samples, (half, half), spec), spec)
        else:
            self._cut_into_frames(samples, spec, half)

    @classmethod
    def inside(cls, samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> MelFrames:
        """Return the frames that lie wholly inside of samples, after pre-emphasis: frame i begins at i * hop_length.

        Raise `AudioError` as above, or if there are fewer than `spec.n_fft` samples.
        """
        if len(samples) < spec.n_fft:
            raise AudioError(f"{len(samples)} samples hold no frame of {spec.n_fft}")
        frames = cls.__new__(cls)
        frames._cut_into_frames(valid_samples(samples), spec)
        return frames

    def _cut_into_frames(self, samples: NDArray[np.float32], spec: FrontEnd, half: int = 0) -> None:
        """Cut samples that `half` a frame of padding belongs to on both sides, without a padded copy of all of them."""
        length, hop = spec.n_fft, spec.hop_length
        first, end = -(-half // hop), (len(samples) + half - length) // hop + 1  # of the frames that need no padding
        context = max(0, end * hop - half - length)
        self.spec, self._samples, self._half, self._first = spec, samples, half, first
        self.chunk, self._window = chunk_frames(spec), frame_window(spec)
        self._inner = strided(samples[first * hop - half :], length, hop)
        self._outer = self._inner[:0]
        self._before = self._after = samples[:0]
        if half:
            self._before = padded(samples[: 2 * length], (half, 0), spec)
            self._after = padded(samples[context:], (0, half), spec)
            before, after = (strided(part, length, hop) for part in (self._before, self._after[length:]))
            self._outer = np.concatenate([before[:first], after])
        self._spectra = PowerSpectra(length, self.chunk)
        self._blocks = mel_blocks(spec, self.chunk)

    def __len__(self) -> int:
        """Return the number of frames: 1 + samples // hop_length."""
        return len(self._inner) + len(self._outer)

    @_QUIET
    def power(self, which: NDArray[np.intp] | None = None, first: int = 0) -> NDArray[np.float32]:
        """Return the mel power of frames, float32, shape (frames, n_mels).

        Frame i always has place i modulo `chunk` in a chunk. BLAS may add up two columns of a product in different
        orders, but one column of one shape always in one order: so a frame's values are the same to the last bit,
        whichever others are computed.

        `which`, intp, are the frames' numbers, by default all; `first` is what frame 0 is numbered in a longer sound
        whose frames these values are to equal.
        """
        if which is None:
            return self._all_power(first)
        power = np.empty((len(which), self.spec.n_mels), dtype=np.float32)
        for places in turns((which + first) % self.chunk):
            rows = (which[places] + first) % self.chunk
            chunk = np.zeros(self.chunk, dtype=np.intp)
            chunk[rows] = which[places]
            self._fill(chunk)
            power[places] = self._chunk_power()[rows]
        return power

    def _all_power(self, first: int) -> NDArray[np.float32]:
        power = np.empty((len(self), self.spec.n_mels), dtype=np.float32)
        for begin in range(-(first % self.chunk), len(self), self.chunk):
            start, stop = max(0, begin), min(begin + self.chunk, len(self))
            self._fill_run(start, stop, start - begin)
            power[start:stop] = self._chunk_power()[start - begin : stop - begin]
        return power

    def _chunk_power(self) -> NDArray[np.float32]:
        """Return the mel power of the frames in the transform, shape (chunk, n_mels)."""
        power = np.zeros((self.spec.n_mels, self.chunk), dtype=np.float32)
        for part, block in zip(self._spectra(), self._blocks, strict=True):
            if self.spec.exponent == 1:
                np.sqrt(part, out=part)  # bins 0 and N / 2, which share a place, have no weight
            bands = np.matmul(block.matrix, part.reshape(len(block.matrix), -1, self.chunk))
            power[block.bands] += bands[0] if len(bands) == 1 else bands.sum(axis=0)
        return power.T

    @_QUIET
    def bounds(self) -> NDArray[np.float32]:
        """Return for every frame a power that none of its mel bands exceeds, float32, shape (frames,).

        By Parseval's theorem the power of a frame y in bins 1 .. N / 2 - 1 sums to at most N / 2 * sum(y^2); the
        filters weigh bins 0 and N / 2 with 0, and no bin with more than the bank's largest weight. The energies of
        short blocks of sound, each with the window's largest value there, give at least sum(y^2).
        """
        hop, length = self.spec.hop_length, self.spec.n_fft
        if length % hop != 0:
            return np.full(len(self), np.inf, dtype=np.float32)
        block = max(1, hop // _BLOCKS)
        half, whole = self._half, len(self._samples) // block * block
        rest = np.concatenate([self._samples[whole:], self._after[len(self._after) - half :]])
        pieces = self._before[:half], self._samples[:whole], rest[: len(rest) // block * block]
        blocks = [piece.reshape(-1, block) for piece in pieces]
        energy = np.concatenate([np.einsum("bi,bi->b", piece, piece) for piece in blocks])
        energy = energy[: ((len(self) - 1) * hop + length) // block]
        weights = np.square(frame_window(self.spec)).reshape(-1, block).max(axis=1)
        framed = np.lib.stride_tricks.sliding_window_view(energy, length // block)[:: hop // block]
        scale = np.float32(SAFETY * length / 2 * float(filter_bank(self.spec).max()))
        return np.asarray(framed @ (scale * weights), dtype=np.float32)

    @_QUIET
    def tight_bounds(self, which: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return bounds as `bounds` does, but mostly far closer, for half the work of computing the frames."""
        weights = bound_weights(self.spec)
        result = np.empty(len(which), dtype=np.float32)
        bounds = np.empty((self.spec.n_mels, self.chunk), dtype=np.float32)
        for start in range(0, len(which), self.chunk):
            numbers = which[start : start + self.chunk]
            chunk = np.zeros(self.chunk, dtype=np.intp)
            chunk[: len(numbers)] = numbers
            self._fill(chunk)
            multiply(weights, self._spectra.class_energy(), out=bounds)
            result[start : start + self.chunk] = bounds.max(axis=0)[: len(numbers)]
        return result

    def _fill(self, chunk: NDArray[np.intp]) -> None:
        """Put the windowed frames of these numbers into the transform."""
        place = chunk - self._first
        behind = place >= len(self._inner)
        outer = behind | (place < 0)
        frames = self._inner[np.where(outer, 0, place)]
        frames[outer] = self._outer[np.where(behind, chunk - len(self._inner), chunk)[outer]]
        np.multiply(frames, self._window, out=self._spectra.frames)

    def _fill_run(self, start: int, stop: int, row: int) -> None:
        """Put the windowed frames `start` to `stop - 1` into the transform, the first at `row`."""
        first, inner = self._first, len(self._inner)
        runs = (self._outer, 0, first, 0), (self._inner, first, first + inner, first)
        for frames, low, high, offset in (*runs, (self._outer, first + inner, len(self), inner)):
            low, high = max(start, low), min(stop, high)
            if low < high:
                out = self._spectra.frames[low - start + row : high - start + row]
                np.multiply(frames[low - offset : high - offset], self._window, out=out)


@lru_cache(maxsize=8)
def places_agree(spec: FrontEnd) -> bool:
    """Return whether this machine's BLAS computes a frame alike, to the last bit, in all places of a chunk."""
    samples = np.random.default_rng(0).standard_normal(spec.n_fft).astype(np.float32)
    frames = MelFrames.inside(samples, spec)
    frames._fill(np.zeros(frames.chunk, dtype=np.intp))
    power = frames._chunk_power()
    return bool((power == power[0]).all())


def mel_power(samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.float32]:
    """Return the mel power, float32 (n_mels, 1 + n // hop_length), of mono samples, float32 (n,), at `spec`'s rate.

    Raise `AudioError` if the samples are empty, not one-dimensional, or not finite.
    """
    return np.ascontiguousarray(MelFrames(samples, spec).power().T)


def decibels(
    power: NDArray[np.float32], spec: FrontEnd = PICTURE, peak: np.float32 | None = None
) -> NDArray[np.float32]:
    """Return 20 log10(max(amin, power)) relative to the maximum, floored `top_db` below it: 0 is the loudest.

    The public pictures show amplitude decibels of a power, so that 80 dB here are 40 dB of true dynamic range. `peak`
    is the maximum to relate to, where `power`, float32 of any shape, is but a part; by default `power.max()`.
    """
    level = _square(power, spec)
    loudest = _square(np.array([power.max() if peak is None else peak], dtype=np.float32), spec)
    heard = level > loudest * np.float32(_UNHEARD * 10 ** (-spec.top_db / 10))
    np.log10(level, out=level, where=heard)  # half of most sounds' cells are quieter, and a logarithm is slow
    level *= np.float32(10)
    level -= np.float32(10) * np.log10(loudest)
    np.copyto(level, np.float32(-spec.top_db), where=~heard)
    return np.maximum(level, np.float32(-spec.top_db), out=level)


def _square(power: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    """Return max(amin^2, power^2) in float32, which librosa's logarithm is of."""
    level = np.square(power)
    return np.maximum(level, np.float32(spec.amin**2), out=level)


def db_mel(samples: NDArray[np.float32], spec: FrontEnd = PICTURE) -> NDArray[np.float32]:
    """Return a sound's mel spectrogram in decibels below its maximum, float32, shape (n_mels, frames).

    The parameters and errors are those of `mel_power`.
    """
    return decibels(mel_power(samples, spec), spec)
