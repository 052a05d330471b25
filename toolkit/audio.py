"""Sound files to samples: what libsndfile reads, AAC and the like through ffmpeg, at one channel and one rate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from toolkit import ffmpeg
from toolkit.errors import AudioError
from toolkit.frontend import PICTURE

MAX_SECONDS = 1800
"""The longest sound read, so that memory stays bounded (30 minutes: 159 MB of samples at 22,050 Hz)."""
MAX_CHANNELS = 64
RATES = (1_000, 768_000)
MAX_MAGNITUDE = 1e6
"""Samples are about -1 to 1; unscaled 16-bit values in a float file still pass, garbage does not."""

_BLOCK = 1 << 16
_UNKNOWN_LENGTH = 0x7FFF0000
_MP3_SLACK = 4 * 1152
_LENGTH_NOTE = re.compile(r"^\s*(?:data|SSND|Data Size|Riff size|riff)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


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


def to_mono_at(samples: NDArray[np.floating], source_rate: int, rate: int = PICTURE.sample_rate) -> NDArray[np.float32]:
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
        If the samples are not valid (see `valid_samples`), a rate is out of range, or nothing is left at the new rate.
    """
    samples = np.asarray(samples)
    for value in (source_rate, rate):
        if not RATES[0] <= value <= RATES[1]:
            raise AudioError(f"the sample rate is {value} Hz; {RATES[0]} to {RATES[1]} Hz can be read")
    if samples.ndim == 2 and samples.shape[1] > 0:
        samples = _mono(samples)
    mono = valid_samples(samples)
    if source_rate == rate:
        return mono
    resampled: NDArray[np.float32] = soxr.resample(mono, source_rate, rate, quality="HQ")
    if len(resampled) == 0:
        raise AudioError(f"{len(mono)} samples at {source_rate} Hz are too short to be a sound at {rate} Hz")
    return valid_samples(resampled)


def decode(path: str | Path) -> tuple[NDArray[np.float32], int]:
    """Return a sound file's samples, float32, shape (n, channels), and its sample rate in hertz.

    Raises
    ------
    AudioError
        If there is no such file, or it is empty, truncated, no sound, too long (`MAX_SECONDS`), or not finite.
    """
    with _open(Path(path)) as sound:
        blocks = list(_blocks(Path(path), sound))
        rate = int(sound.samplerate)
    samples = np.concatenate(blocks)
    _named(path, samples.reshape(-1))
    return samples, rate


def load(path: str | Path, rate: int = PICTURE.sample_rate) -> NDArray[np.float32]:
    """Return a sound file as mono samples at `rate`, float32, shape (n,), n >= 1.

    Channels are averaged, then resampled (soxr, high quality); mono at `rate` is passed bit for bit.

    Raises
    ------
    AudioError
        As `decode`, each message naming the file.
    """
    with _open(Path(path)) as sound:
        mono = np.concatenate([_mono(block) for block in _blocks(Path(path), sound)])
        source_rate = int(sound.samplerate)
    try:
        return to_mono_at(mono, source_rate, rate)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None


def _mono(block: NDArray[np.floating]) -> NDArray[np.floating]:
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=block.dtype)


def _named(path: str | Path, samples: NDArray[np.float32]) -> None:
    try:
        valid_samples(samples)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None


@contextmanager
def _open(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a sound file and check what its header says."""
    _check_file(path)
    try:
        source = ffmpeg.decoded(path, MAX_SECONDS + 1) if ffmpeg.wanted(path) else str(path)
        sound = soundfile.SoundFile(source)
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        reason = getattr(error, "error_string", "its format is not known").rstrip(".")
        raise AudioError(
            f"{path}: not a sound file that can be read ({reason}); convert it to WAV, FLAC, Ogg or MP3"
        ) from None
    with sound:
        _check_header(path, sound)
        yield sound


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder; name a sound file")
        if not path.exists():
            raise AudioError(f"{path}: no such file")
        if not path.is_file():
            raise AudioError(f"{path}: is no regular file")
        if path.stat().st_size == 0:
            raise AudioError(f"{path}: the file is empty")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioError(f"{path}: cannot be read ({reason})") from None


def _check_header(path: Path, sound: soundfile.SoundFile) -> None:
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        raise AudioError(f"{path}: its sample rate is {sound.samplerate} Hz; {RATES[0]} to {RATES[1]} Hz can be read")
    if sound.channels > MAX_CHANNELS:
        raise AudioError(f"{path}: it has {sound.channels} channels; at most {MAX_CHANNELS} can be read")
    for note in _LENGTH_NOTE.findall(sound.extra_info):
        promised, there = map(int, note)
        if there < promised < _UNKNOWN_LENGTH:
            raise AudioError(
                f"{path}: the file is truncated: its header promises {promised} bytes, {there} are there; copy it again"
            )


def _blocks(path: Path, sound: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    """Yield the file's samples in blocks of shape (n, channels), checking that all the header promises are there."""
    total, promised = 0, int(sound.frames)
    limit = MAX_SECONDS * sound.samplerate
    while True:
        try:
            block: NDArray[np.float32] = sound.read(_BLOCK, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".")
            raise AudioError(
                f"{path}: the file is truncated or damaged after {total} samples ({reason}); copy it again"
            ) from None
        total += len(block)
        if total > limit:
            raise AudioError(f"{path}: longer than {MAX_SECONDS // 60} minutes, the most that is read; cut it first")
        if len(block) == 0:
            break
        yield block
    if total == 0:
        raise AudioError(f"{path}: holds no samples")
    if promised < _UNKNOWN_LENGTH and total < promised - (_MP3_SLACK if sound.format == "MP3" else 0):
        raise AudioError(
            f"{path}: the file is truncated: its header promises {promised} samples, {total} are there; copy it again"
        )


def _truncated(path: Path, promised: int, there: int, unit: str) -> AudioError:
    return AudioError(f"{path}: truncated: its header promises {promised} {unit}, {there} are there; copy it again")
