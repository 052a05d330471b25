"""Sound files to samples: what libsndfile reads, AAC and the like through ffmpeg, at one channel and one rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from toolkit import ffmpeg
from toolkit.errors import AudioError, UsageError
from toolkit.frontend import PICTURE

MAX_SECONDS = 1800
"""The longest sound read, so that memory stays bounded (30 minutes: 159 MB of samples at 22,050 Hz)."""
MAX_VALUES = 100_000_000
"""The most samples of one sound kept, all channels together: 400 MB."""
MAX_CHANNELS = 64
RATES = (1_000, 768_000)
MAX_MAGNITUDE = 1e6
"""Samples are about -1 to 1; unscaled 16-bit values in a float file still pass, garbage does not."""

_BLOCK = 1 << 16
_REASONS = {
    "SF_INFO": "its header gives an impossible sample rate or number of channels",
    "File does not exist": "its content is no sound that can be decoded",
}
"""What libsndfile says of files that are there, in our words."""
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
        If the samples are not valid (see `valid_samples`), there are more than 64 channels, a rate is out of range, or
        nothing is left at the new rate.
    UsageError
        If a rate is not a whole number above 0.
    """
    samples = np.asarray(samples)
    _check_rate(source_rate)
    _check_rate(rate)
    if samples.ndim == 2 and samples.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"samples have shape {samples.shape}, more than {MAX_CHANNELS} channels: samples come first, channels "
            "second; transpose it"
        )
    if samples.ndim == 2 and samples.shape[1] > 0:
        samples = _mono(samples)
    mono = valid_samples(samples)
    if source_rate == rate:
        return mono
    resampled: NDArray[np.float32] = soxr.resample(mono, source_rate, rate, quality="HQ")
    if len(resampled) == 0:
        raise AudioError(f"{len(mono)} samples at {source_rate} Hz are too short to be a sound at {rate} Hz")
    return valid_samples(resampled)


def _check_rate(rate: float) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or not (rate > 0 and rate % 1 == 0):
        raise UsageError(f"the sample rate is {rate!r}; it must be a whole number above 0, in hertz")
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"the sample rate is {rate} Hz; {RATES[0]} to {RATES[1]} Hz can be read")


def decode(path: str | Path) -> tuple[NDArray[np.float32], int]:
    """Return a sound file's samples, float32, shape (n, channels), and its sample rate in hertz.

    Raises
    ------
    AudioError
        If there is no such file, or it is empty, truncated, no sound, too long (`MAX_SECONDS`), too large
        (`MAX_VALUES`), or not finite.
    """
    with _open(Path(path)) as sound:
        samples = _joined(path, _blocks(Path(path), sound))
        rate = int(sound.samplerate)
    _named(path, samples.reshape(-1))
    return samples, rate


def check(path: str | Path) -> None:
    """Read a sound file wholly, block by block, and keep nothing.

    Raises
    ------
    AudioError
        As `decode`, but for its size.
    """
    with _open(Path(path)) as sound:
        for block in _blocks(Path(path), sound):
            _named(path, block.reshape(-1))


def load(path: str | Path, rate: int = PICTURE.sample_rate) -> NDArray[np.float32]:
    """Return a sound file as mono samples at `rate`, float32, shape (n,), n >= 1: what `to_mono_at` makes of `decode`.

    Channels are averaged, then resampled (soxr, high quality), block by block; mono at `rate` is passed bit for bit.

    Raises
    ------
    AudioError
        As `decode`, each message naming the file.
    UsageError
        If `rate` is not a whole number above 0.
    """
    _check_rate(rate)
    with _open(Path(path)) as sound:
        mono = (_named(path, _mono(block)) for block in _blocks(Path(path), sound))
        source_rate = int(sound.samplerate)
        samples = _joined(path, mono if source_rate == rate else _resampled(path, mono, source_rate, rate))
    return _named(path, samples)


def _resampled(
    path: str | Path, blocks: Iterable[NDArray[np.float32]], source_rate: int, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Yield mono blocks at another rate; together they are what `soxr.resample` makes of all at once."""
    stream = soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")
    read = made = 0
    for block in blocks:
        piece = stream.resample_chunk(block)
        read, made = read + len(block), made + len(piece)
        yield piece
    rest = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    if made + len(rest) == 0:
        raise AudioError(f"{path}: {read} samples at {source_rate} Hz are too short to be a sound at {rate} Hz")
    yield rest


def _joined(path: str | Path, blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the blocks as one array, if it is not too large."""
    kept, size = [], 0
    for block in blocks:
        size += block.size
        if size > MAX_VALUES:
            raise AudioError(f"{path}: it needs more than {MAX_VALUES * 4 // 10**6} MB of memory; cut it first")
        kept.append(block)
    return np.concatenate(kept)


def _mono(block: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the mean of a block's channels."""
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=block.dtype)


def _named(path: str | Path, samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return valid samples; an error names the file."""
    try:
        return valid_samples(samples)
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
        told = getattr(error, "error_string", "its format is not known").rstrip(".")
        reason = next((ours for theirs, ours in _REASONS.items() if theirs in told), told)
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
    if MAX_SECONDS * sound.samplerate < sound.frames < _UNKNOWN_LENGTH:
        raise _too_long(path)
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
            raise _too_long(path)
        if len(block) == 0:
            break
        yield block
    if total == 0:
        raise AudioError(f"{path}: holds no samples")
    if promised < _UNKNOWN_LENGTH and total < promised - (_MP3_SLACK if sound.format == "MP3" else 0):
        raise AudioError(
            f"{path}: the file is truncated: its header promises {promised} samples, {total} are there; copy it again"
        )


def _too_long(path: Path) -> AudioError:
    return AudioError(f"{path}: longer than {MAX_SECONDS // 60} minutes, the most that is read; cut it first")
