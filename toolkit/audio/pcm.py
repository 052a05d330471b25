"""Raw samples, as programs pipe them: bytes without a header, little-endian, channels interleaved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.locate import AC3, FFMPEG_MAGICS, MP4_BOXES, is_transport_stream
from toolkit.audio.recording import ID3
from toolkit.audio.samples import MAX_CHANNELS
from toolkit.errors import AudioError, UsageError

FORMATS = {"s16": 2, "s24": 3, "s32": 4, "f32": 4}
"""Bytes of a sample: whole numbers of 16, 24 and 32 bits, and 32-bit floats."""
LOOKED_AT = 4096
"""Bytes by which an audio file is distinguished from raw samples."""
_HEADERS = (
    *FFMPEG_MAGICS,
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"BW64",
    b"riff",
    b"fLaC",
    b"OggS",
    ID3,
    b"FORM",
    b".snd",
    b"caff",
)


def check_format(format: str, channels: int) -> int:
    """Return the bytes of one sample of all channels; raise `UsageError` where there is no such format."""
    if format not in FORMATS:
        raise UsageError(f"there are no {format!r} samples: choose one of {', '.join(FORMATS)}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise UsageError(f"there are {channels} channels: give 1 to {MAX_CHANNELS}")
    return FORMATS[format] * channels


def check_beginning(data: bytes) -> None:
    """Raise `AudioError` where the first bytes of a source are those of a sound file."""
    is_file = data.startswith((*_HEADERS, *FFMPEG_MAGICS, AC3)) or data[4:8] in MP4_BOXES
    if is_file or is_transport_stream(data) or _is_adts_run(data) or _is_mpeg_run(data):
        raise AudioError("these are the bytes of a sound file, not raw samples: name the file itself to classify it")


def _is_adts_run(data: bytes) -> bool:
    """Return whether two frames of AAC are at the beginning; one might be a loud sample."""
    if len(data) < 6 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return False
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return length > 6 and data[length : length + 2] == data[:2]


def _is_mpeg_run(data: bytes) -> bool:
    """Return whether two frames of MPEG audio are at the beginning."""
    from toolkit.audio.mp3 import frame_at  # not before: few programs read raw samples

    first = frame_at(data, 0)
    second = frame_at(data, first.size) if first else None
    return first is not None and second is not None and first.kind == second.kind


def decode(data: bytes, format: str, channels: int = 1) -> NDArray[np.float32]:
    """Return raw bytes as samples, float32 (n, channels), full scale 1.

    Parameters
    ----------
    data
        A whole number of samples of all channels.
    format
        One of `FORMATS`.
    channels
        1 to 64.

    Raises
    ------
    AudioError
        If bytes are left over.
    UsageError
        If there is no such format.
    """
    size = check_format(format, channels)
    if len(data) % size:
        raise AudioError(f"{len(data)} bytes are no whole number of {format} samples of {channels} channels")
    if format == "f32":
        samples = np.frombuffer(data, "<f4").astype(np.float32)
    elif format == "s24":
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = padded.view("<i4")[:, 0].astype(np.float32)
        samples /= np.float32(1 << 31)
    else:
        bits = 8 * FORMATS[format]
        samples = np.frombuffer(data, f"<i{bits // 8}").astype(np.float32)
        samples /= np.float32(1 << (bits - 1))
    return samples.reshape(-1, channels)
