"""Audio files to samples, one channel at one rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.blocks import blocks, opened
from toolkit.audio.downmix import downmixed
from toolkit.audio.locate import FFMPEG_SUFFIXES, recordings
from toolkit.audio.recording import Recording
from toolkit.audio.samples import check_rate, valid_samples
from toolkit.errors import AudioError
from toolkit.stopwatch import Stopwatch

_OWN_SUFFIXES = frozenset(
    {".wav", ".wave", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aif", ".aiff", ".aifc", ".au", ".snd"}
)
SUFFIXES = FFMPEG_SUFFIXES | _OWN_SUFFIXES | {".caf"}
"""What the names of sound files end in; what a file is, its content decides."""
MAX_VALUES = 100_000_000
"""The most samples of one sound kept: 400 MB."""
_SLICE = 1 << 14
"""Samples that are resampled at once, few enough for a core's cache."""

Listener = Callable[[int, int, NDArray[np.float32]], None]


class Sound(NamedTuple):
    """A file's samples, mono float32 (n,), and what is doubtful about the file, a sentence each."""

    samples: NDArray[np.float32]
    warnings: tuple[str, ...]


def check(path: str | Path, listen: Listener | None = None) -> tuple[str, ...]:
    """Read an audio file wholly, block by block, keep nothing, and return what is doubtful about it, as `read` does.

    `listen(rate, channels, samples)` is called with every block as one channel.

    Raises
    ------
    AudioError
        If there is no such file, or it is empty, truncated, no sound, too long (`blocks.MAX_SECONDS`), or not finite.
    """
    path = Path(path)
    warnings: list[str] = []
    for recording in _recordings(path):
        with opened(path, recording) as sound:
            for samples in _mono_blocks(path, recording, sound, warnings):
                samples = _named(path, samples)
                if listen:
                    listen(int(sound.samplerate), sound.channels, samples)
    return tuple(dict.fromkeys(warnings))


def load(path: str | Path, rate: int) -> NDArray[np.float32]:
    """Return the samples of `read`."""
    return read(path, rate).samples


def read(path: str | Path, rate: int, decoding: Stopwatch | None = None) -> Sound:
    """Return a sound file as mono samples at `rate`, float32, shape (n,), n >= 1, as `to_mono_at` gives them.

    Channels are averaged, then resampled (soxr, high quality), block by block; mono at `rate` is passed bit for bit.
    Where the channels cancel each other, one of them is read alone. All recordings in a file are read, one after
    the other, and each to the end of its data, unless its header states its length.

    Parameters
    ----------
    path
        The file.
    rate
        Samples per second.
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
    path = Path(path)
    parts = _recordings(path)
    sounds = [_read(path, recording, rate, decoding) for recording in parts]
    if len(sounds) == 1:
        return sounds[0]
    warnings = dict.fromkeys(warning for sound in sounds for warning in sound.warnings)
    return Sound(_joined(path, (sound.samples for sound in sounds)), tuple(warnings))


def stream(path: str | Path, rate: int, warnings: list[str]) -> Iterator[NDArray[np.float32]]:
    """Yield what `read` returns of a file, block by block, however long the file is; add its warnings to a list.

    The errors are those of `check` and `check_rate`; they may come after blocks.
    """
    check_rate(rate)
    path = Path(path)
    for recording in _recordings(path):
        with opened(path, recording, bounded=False) as sound:
            mono = _mono_blocks(path, recording, sound, warnings, bounded=False)
            yield from valid_blocks(path, mono, int(sound.samplerate), rate)


def _recordings(path: Path) -> list[Recording]:
    """Return the recordings of a file that is there."""
    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder; name a sound file")
        if not path.exists():
            raise AudioError(f"{path}: no such file")
        if not path.is_file():
            raise AudioError(f"{path}: is no regular file")
        size = path.stat().st_size
        if size == 0:
            raise AudioError(f"{path}: the file is empty")
        with _naming(path):
            return recordings(path, size)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AudioError(f"{path}: cannot be read ({reason})") from None


def _read(path: Path, recording: Recording, rate: int, decoding: Stopwatch | None) -> Sound:
    """Return one of a file's recordings as mono samples."""
    warnings: list[str] = []
    with opened(path, recording) as sound:
        mono = _mono_blocks(path, recording, sound, warnings, decoding)
        samples = collected(path, mono, int(sound.samplerate), rate)
    return Sound(samples, tuple(dict.fromkeys(warnings)))


def _mono_blocks(
    path: Path,
    recording: Recording,
    sound: Any,
    warnings: list[str],
    decoding: Stopwatch | None = None,
    bounded: bool = True,
) -> Iterator[NDArray[np.float32]]:
    """Yield an open recording's samples as one channel, and add what is doubtful to the warnings."""
    warnings += [recording.warning] if recording.warning else []
    read = blocks(path, recording, sound, warnings, bounded)
    for samples in downmixed(decoding.over(read) if decoding else read, int(sound.samplerate), warnings.append):
        if samples is not None:
            yield np.asarray(samples, np.float32)


def collected(
    name: str | Path, blocks: Iterable[NDArray[np.float32]], source_rate: int, rate: int
) -> NDArray[np.float32]:
    """Return mono blocks at `source_rate` as samples at `rate`, as `load` does; errors call the sound `name`."""
    return _named(name, _joined(name, valid_blocks(name, blocks, source_rate, rate)))


def valid_blocks(
    name: str | Path, blocks: Iterable[NDArray[np.float32]], source_rate: int, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Yield mono blocks at `source_rate` at `rate`; an `AudioError` about one that is not valid names the sound."""
    valid = (_named(name, block) for block in blocks)
    return valid if source_rate == rate else _resampled(name, valid, source_rate, rate)


def _resampled(
    path: str | Path, blocks: Iterable[NDArray[np.float32]], source_rate: int, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Yield mono blocks at another rate; together they are what `soxr.resample` makes of all at once."""
    from soxr import ResampleStream  # not before: many sounds have the rate that is needed

    stream = ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")
    read = yielded = 0
    end = np.zeros(0, np.float32)
    for block, following in pairwise(chain(blocks, [end])):
        read += len(block)
        result, size = np.empty(read * int(rate) // int(source_rate) + 1 - yielded, np.float32), 0
        for first in range(0, max(1, len(block)), _SLICE):
            is_end = following is end and first + _SLICE >= len(block)
            piece = stream.resample_chunk(block[first : first + _SLICE], last=is_end)
            result[size : size + len(piece)] = piece
            size += len(piece)
        yielded += size
        yield result[:size]
    if yielded == 0:
        raise AudioError(f"{path}: {read} samples at {source_rate} Hz are too short to be a sound at {rate} Hz")


def _joined(path: str | Path, blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the blocks as one array, if it is not too large; they are never there twice, and one alone is returned."""
    kept = bytearray()  # it grows in its place, where an array of so many blocks would be a copy
    last, size = np.zeros(0, np.float32), 0
    for block in blocks:
        size += len(block)
        if size > MAX_VALUES:
            raise AudioError(f"{path}: it needs more than {MAX_VALUES * 4 // 10**6} MB of memory; cut it first")
        kept += last.data
        last = np.ascontiguousarray(block)
    if not kept:
        return last
    kept += last.data
    return np.frombuffer(kept, np.float32)


def _named(path: str | Path, samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return valid samples; an error names the file."""
    with _naming(path):
        return valid_samples(samples)


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Put the file's name in front of an error's message."""
    try:
        yield
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None
