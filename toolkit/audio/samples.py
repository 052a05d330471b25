"""Samples in memory: what counts as sound, one channel of many, another rate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import AudioError, UsageError

MAX_CHANNELS = 64
RATES = (1_000, 768_000)
MAX_MAGNITUDE = 1e6
"""Samples are about -1 to 1; unscaled 16-bit values in a float file still pass, garbage does not."""

SILENT_DB = -200.0
"""The level of digital silence."""
SILENCE_DB = -60.0
"""What is quieter counts as silence."""


def valid_samples(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return mono samples as contiguous float32, the same array where it is that already.

    Parameters
    ----------
    samples : ndarray of float, shape (n,), n >= 1
        About -1 to 1.

    Raises
    ------
    AudioError
        If the array is not of floats, not one-dimensional, empty, holds NaN or infinity, or exceeds 1e6 in magnitude.
    """
    samples = np.asarray(samples)
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"samples are {samples.dtype}; they must be floats (divide 16-bit integers by 32768)")
    if samples.ndim != 1:
        raise AudioError(f"samples have shape {samples.shape}; mono sound has one dimension (see to_mono_at)")
    if samples.size == 0:
        raise AudioError("there are no samples")
    with np.errstate(all="ignore"):
        energy = float(np.dot(samples, samples))  # one quick pass: if it is small, every sample is finite and small
    if not energy <= MAX_MAGNITUDE**2:
        peak = max(float(samples.max()), -float(samples.min()))
        if not np.isfinite(peak):
            raise AudioError("samples hold NaN or infinity; repair the sound or export it again")
        if peak > MAX_MAGNITUDE:
            raise AudioError(f"a sample's magnitude is {peak:.3g}; samples are about -1 to 1, so these are no sound")
    return np.ascontiguousarray(samples, dtype=np.float32)


def to_mono_at(samples: NDArray[np.floating], source_rate: int, rate: int) -> NDArray[np.float32]:
    """Return sound as one channel (the mean of all) at another rate (soxr, high quality).

    Mono samples that are at `rate` already are returned bit for bit.

    Parameters
    ----------
    samples : ndarray of float, shape (n,) or (n, channels)
        The sound.
    source_rate, rate : int
        Samples a second of `samples` and of the result, 1,000 to 768,000.

    Raises
    ------
    AudioError
        If the samples are not valid (see `valid_samples`), there are more than 64 channels, a rate is out of range, or
        nothing is left at the new rate.
    UsageError
        If a rate is not a whole number above 0.
    """
    samples = np.asarray(samples)
    check_rate(source_rate)
    check_rate(rate)
    if samples.ndim == 2 and samples.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"samples have shape {samples.shape}, more than {MAX_CHANNELS} channels: samples come first, channels "
            "second; transpose it"
        )
    if samples.ndim == 2 and samples.shape[1] > 0:
        samples = mono(samples)
    single = valid_samples(samples)
    if source_rate == rate:
        return single
    from soxr import resample  # not before: many sounds have the rate that is needed

    resampled: NDArray[np.float32] = resample(single, source_rate, rate, quality="HQ")
    if len(resampled) == 0:
        raise AudioError(f"{len(single)} samples at {source_rate} Hz are too short to be a sound at {rate} Hz")
    return valid_samples(resampled)


def check_rate(rate: float) -> None:
    """Raise `UsageError` unless a rate is a whole number above 0, `AudioError` where it is out of range (`RATES`)."""
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or not (rate > 0 and rate % 1 == 0):
        raise UsageError(f"the sample rate is {rate!r}; it must be a whole number above 0, in hertz")
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"the sample rate is {rate} Hz; {RATES[0]} to {RATES[1]} Hz can be read")


def mono(block: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the mean of the channels of samples of shape (n, channels); infinite where their sum is too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        if block.shape[1] == 2 and block.dtype.kind == "f":  # the same bits as the mean, much sooner
            return np.divide(block[:, 0] + block[:, 1], 2, dtype=block.dtype)
        return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=block.dtype)


def level_db(samples: NDArray[np.floating]) -> float:
    """Return the root mean square of samples without their mean, in decibels relative to full scale.

    A constant offset, as cheap sound cards have, is no sound. Digital silence is `SILENT_DB`.
    """
    variance = float(samples.var(dtype=np.float64))
    return max(SILENT_DB, 10 * math.log10(variance)) if variance > 0 else SILENT_DB


def is_silent(samples: NDArray[np.float32], silence_db: float) -> bool:
    """Return whether `level_db` of samples, shape (n,), is below so many decibels; quick where it is far above."""
    power = float(np.dot(samples, samples)) / len(samples)
    loud = power - float(samples.mean()) ** 2 > max(4 * 10 ** (silence_db / 10), 0.01 * power)
    return not loud and level_db(samples) < silence_db


class Resampler:
    """Mono sound that comes in blocks, at another rate.

    Together the blocks are what `to_mono_at` makes of all of them at once, but for a few milliseconds at the end that
    wait for more.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        """Resample sound from `source_rate` to `rate`; errors are those of `to_mono_at`."""
        check_rate(source_rate)
        check_rate(rate)
        self._stream = None
        if source_rate != rate:
            from soxr import ResampleStream

            self._stream = ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")

    def push(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the samples that the next ones, mono float (n,), add; there may be none.

        Raises
        ------
        AudioError
            If they are not finite, or not floats.
        """
        if len(samples) == 0:
            return np.zeros(0, np.float32)
        samples = valid_samples(samples)
        return samples if self._stream is None else np.asarray(self._stream.resample_chunk(samples), np.float32)
