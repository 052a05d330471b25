"""Sound files to samples: what libsndfile reads, AAC and the like through ffmpeg, block by block."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from toolkit.audio.samples import MAX_CHANNELS, RATES, check_rate, mono, valid_samples
from toolkit.errors import AudioError
from toolkit.stopwatch import Stopwatch

FFMPEG_SUFFIXES = frozenset({".m4a", ".m4b", ".mp4", ".aac", ".3gp", ".wma", ".webm", ".mka", ".ac3", ".amr"})
"""What the names of sound files end in that libsndfile cannot read: an installed ffmpeg does."""
SUFFIXES = FFMPEG_SUFFIXES | {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"}
"""What the names of sound files end in."""
MAX_SECONDS = 1800
"""The longest sound read, so that memory stays bounded (30 minutes: 159 MB of samples at 22,050 Hz)."""
MAX_VALUES = 100_000_000
"""The most samples of one sound kept: 400 MB."""

_BLOCK = 1 << 16
_OGG = b"OggS"
_REASONS = {
    "SF_INFO": "its header gives an impossible sample rate or number of channels",
    "File does not exist": "its content is no sound that can be decoded",
}
"""What libsndfile says of files that are there, in our words."""
_UNKNOWN_LENGTH = 0x7FFF0000
_MP3_SLACK = 4 * 1152
_LENGTH_NOTE = re.compile(r"^\s*(?:data|SSND|Data Size|Riff size|riff)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


def check(path: str | Path) -> None:
    """Read a sound file wholly, block by block, and keep nothing.

    Raises
    ------
    AudioError
        If there is no such file, or it is empty, truncated, no sound, too long (`MAX_SECONDS`), or not finite.
    """
    with _open(Path(path)) as sound:
        for block in _blocks(Path(path), sound):
            _named(path, block.reshape(-1))


def load(path: str | Path, rate: int, decoding: Stopwatch | None = None) -> NDArray[np.float32]:
    """Return a sound file as mono samples at `rate`, float32, shape (n,), n >= 1, as `to_mono_at` gives them.

    Channels are averaged, then resampled (soxr, high quality), block by block; mono at `rate` is passed bit for bit.

    Parameters
    ----------
    path
        The file.
    rate
        Samples a second.
    decoding
        Counts the time until there are samples at the file's own rate; the rest of this call's is resampling.

    Raises
    ------
    AudioError
        As `check`, or if it would need more than `MAX_VALUES` samples; each message names the file.
    UsageError
        If `rate` is not a whole number above 0.
    """
    check_rate(rate)
    with _open(Path(path)) as sound:
        blocks = _blocks(Path(path), sound)
        read = decoding.over(blocks) if decoding else blocks
        return collected(path, map(mono, read), int(sound.samplerate), rate)


def collected(
    name: str | Path, blocks: Iterable[NDArray[np.float32]], source_rate: int, rate: int
) -> NDArray[np.float32]:
    """Return mono blocks at `source_rate` as samples at `rate`, as `load` does; errors call the sound `name`."""
    valid = (_named(name, block) for block in blocks)
    return _named(name, _joined(name, valid if source_rate == rate else _resampled(name, valid, source_rate, rate)))


def _resampled(
    path: str | Path, blocks: Iterable[NDArray[np.float32]], source_rate: int, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Yield mono blocks at another rate; together they are what `soxr.resample` makes of all at once."""
    stream = soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")
    read = yielded = 0
    for block in blocks:
        piece = stream.resample_chunk(block)
        read, yielded = read + len(block), yielded + len(piece)
        yield piece
    rest = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    if yielded + len(rest) == 0:
        raise AudioError(f"{path}: {read} samples at {source_rate} Hz are too short to be a sound at {rate} Hz")
    yield rest


def _joined(path: str | Path, blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the blocks as one array, if it is not too large; they are never there twice."""
    kept = bytearray()  # it grows in its place, where an array of so many blocks would be a copy
    for block in blocks:
        kept += np.ascontiguousarray(block).data
        if len(kept) > MAX_VALUES * 4:
            raise AudioError(f"{path}: it needs more than {MAX_VALUES * 4 // 10**6} MB of memory; cut it first")
    return np.frombuffer(kept, np.float32)


def _named(path: str | Path, samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return valid samples; an error names the file."""
    try:
        return valid_samples(samples)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open a sound file, as a `soundfile.SoundFile` or what reads like one, and check what its header says."""
    _check_file(path)
    try:
        sound = _decoded(path) if path.suffix.lower() in FFMPEG_SUFFIXES else soundfile.SoundFile(os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        message = getattr(error, "error_string", "its format is not known").rstrip(".")
        reason = next((ours for theirs, ours in _REASONS.items() if theirs in message), message)
        raise AudioError(
            f"{path}: not a sound file that can be read ({reason}); convert it to WAV, FLAC, Ogg or MP3"
        ) from None
    with sound:
        _check_header(path, sound)
        yield sound


def _decoded(path: Path) -> Any:
    from toolkit.audio.ffmpeg import Decoded  # not before: what starts a program takes long to import

    return Decoded(path, MAX_SECONDS + 1)


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
        with path.open("rb") as file:
            is_ogg = file.read(len(_OGG)) == _OGG
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioError(f"{path}: cannot be read ({reason})") from None
    if is_ogg:
        from toolkit.audio import ogg  # only an Ogg file waits for it

        ogg.check_pages(path)


def _check_header(path: Path, sound: Any) -> None:
    if sound.format == "RAW":  # libsndfile takes anything for headerless sound, if its name ends in .au, .vox or .gsm
        raise AudioError(f"{path}: not a sound file that can be read (it has no header); convert it to WAV or FLAC")
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


def _blocks(path: Path, sound: Any) -> Iterator[NDArray[np.float32]]:
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
