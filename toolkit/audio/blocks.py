"""A recording's samples in blocks, by libsndfile or FFmpeg, and whether all is there that its header states."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.recording import Recording
from toolkit.audio.samples import MAX_CHANNELS, RATES
from toolkit.audio.sndfile import SndfileError, SoundFile
from toolkit.errors import AudioError, NoSoundError

if TYPE_CHECKING:
    from toolkit.audio.view import View

MAX_SECONDS = 1800
"""The longest recording whose samples are kept (30 minutes: 159 MB of samples at 22,050 Hz)."""

_BLOCK = 1 << 20
"""Values of all channels that are decoded at once: 47 s at 22,050 Hz, so that most sounds are one block, not copied."""
_SMALL_BLOCK = 1 << 12
"""Where the length is not stated, what is decoded of the last block may be lost."""
_REASONS = {
    "SF_INFO": "its header gives an impossible sample rate or number of channels",
    "File does not exist": "its content is no sound that can be decoded",
}
"""libsndfile's messages about files that are there, in our words."""
_FEW_BYTES = 16
"""So many bytes fewer than stated are no sound that is missing."""
_UNKNOWN_LENGTH = 0x7FFF0000
_MP3_SLACK = 4 * 1152
_LENGTH_NOTE = re.compile(r"^\s*(?:data|SSND|Data Size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


@contextmanager
def opened(path: Path, recording: Recording, bounded: bool = True) -> Iterator[Any]:
    """Open a recording, as a `SoundFile` or what reads like one, and check what its header says.

    One that is longer than `MAX_SECONDS` is refused where reading is to be `bounded`.
    """
    with ExitStack() as stack:
        if recording.by_ffmpeg:
            sound = stack.enter_context(_ffmpeg(path, recording, bounded))
        else:
            whole = recording.is_whole(path.stat().st_size)
            source = os.fsencode(path) if whole else stack.enter_context(_view(path, recording))
            sound = stack.enter_context(_sndfile(path, recording, source, bounded))
        _check_header(path, recording, sound, bounded)
        yield sound


def _sndfile(path: Path, recording: Recording, source: bytes | View, bounded: bool) -> Any:
    """Open a recording with libsndfile, or with FFmpeg where the container or its codec is none of libsndfile's."""
    try:
        return SoundFile(source)
    except SndfileError as error:
        if which("ffmpeg"):
            try:
                return _ffmpeg(path, recording, bounded, marked=True)
            except NoSoundError:
                raise
            except AudioError:
                pass
        message = str(error).rstrip(".")
        reason = next((ours for theirs, ours in _REASONS.items() if theirs in message), message)
        raise AudioError(
            f"{path}: not a sound file that can be read ({reason}); convert it to WAV, FLAC, Ogg or MP3"
        ) from None


def _view(path: Path, recording: Recording) -> View:
    from toolkit.audio.view import View  # few files need it

    return View(path, recording.start, recording.end, recording.replaced, recording.stated_size)


def _ffmpeg(path: Path, recording: Recording, bounded: bool, marked: bool = False) -> Any:
    from toolkit.audio.ffmpeg import Decoded  # not before: what starts a program takes long to import

    part = None if (recording.start, recording.end) == (0, path.stat().st_size) else (recording.start, recording.end)
    states_length = recording.exact and not recording.replaced
    return Decoded(path, MAX_SECONDS + 1 if bounded else None, part, states_length, marked)


def _check_header(path: Path, recording: Recording, sound: Any, bounded: bool) -> None:
    if sound.format == "RAW":  # libsndfile takes anything for headerless sound, if its name ends in .au, .vox or .gsm
        raise AudioError(f"{path}: not a sound file that can be read (it has no header); convert it to WAV or FLAC")
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        raise AudioError(f"{path}: its sample rate is {sound.samplerate} Hz; {RATES[0]} to {RATES[1]} Hz can be read")
    if sound.channels > MAX_CHANNELS:
        raise AudioError(f"{path}: it has {sound.channels} channels; at most {MAX_CHANNELS} can be read")
    if bounded and recording.exact and MAX_SECONDS * sound.samplerate < sound.frames < _UNKNOWN_LENGTH:
        raise _too_long(path)
    for note in _LENGTH_NOTE.findall(sound.extra_info):
        promised, there = map(int, note)
        if there + _FEW_BYTES < promised < _UNKNOWN_LENGTH:
            raise AudioError(
                f"{path}: the file is truncated: its header promises {promised} bytes, {there} are there; copy it again"
            )


def blocks(
    path: Path, recording: Recording, sound: Any, warnings: list[str], bounded: bool = True
) -> Iterator[NDArray[np.float32]]:
    """Yield the samples in blocks of shape (n, channels): all that a header states, or all until the data end."""
    stated = int(sound.frames) if recording.exact and sound.frames < _UNKNOWN_LENGTH else None
    total = 0
    while stated is None or total < stated:
        size = _SMALL_BLOCK if stated is None else min(max(1, _BLOCK // sound.channels), stated - total)
        try:
            block: NDArray[np.float32] = sound.read(size)
        except SndfileError as error:
            reason = str(error).rstrip(".")
            if total and not recording.exact and sound.source_ended:
                warnings.append(f"after {total} samples its end cannot be decoded ({reason}): it may have been cut")
                break
            total += error.samples
            raise AudioError(
                f"{path}: the file is truncated or damaged after {total} samples ({reason}); copy it again"
            ) from None
        total += len(block)
        if bounded and total > MAX_SECONDS * sound.samplerate:
            raise _too_long(path)
        if len(block) == 0:
            break
        yield block
    if total == 0:
        raise AudioError(f"{path}: holds no samples")
    if stated is not None and total < stated and sound.format == "OGG":
        warnings.append(f"its last Ogg page states {stated} samples, {total} are there; no page is missing")
    elif stated is not None and total < stated - (_MP3_SLACK if sound.format == "MP3" else 0):
        raise AudioError(
            f"{path}: the file is truncated: its header promises {stated} samples, {total} are there; copy it again"
        )
    warnings += sound.doubts


def _too_long(path: Path) -> AudioError:
    return AudioError(f"{path}: longer than {MAX_SECONDS // 60} minutes, the most that is read; cut it first")
