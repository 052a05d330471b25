"""Raw samples, as programs pipe them: bytes without a header, little-endian, channels interleaved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.audio.samples import MAX_CHANNELS
from toolkit.errors import AudioError, UsageError

FORMATS = {"s16": 2, "s24": 3, "s32": 4, "f32": 4}
"""Bytes of a sample: whole numbers of 16, 24 and 32 bits, and 32-bit floats."""
LOOKED_AT = 4096
"""Bytes by which an audio file is distinguished from raw samples."""
_HEADERS = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff", b"\x1aE\xdf\xa3")
_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Kilobits a second of MPEG 1 and 2, layer III, and samples a second of MPEG 1."""
_RATES = (44_100, 48_000, 32_000)


def check_format(format: str, channels: int) -> int:
    """Return the bytes of one sample of all channels; raise `UsageError` where there is no such format."""
    if format not in FORMATS:
        raise UsageError(f"there are no {format!r} samples: choose one of {', '.join(FORMATS)}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise UsageError(f"there are {channels} channels: give 1 to {MAX_CHANNELS}")
    return FORMATS[format] * channels


def check_beginning(data: bytes) -> None:
    """Raise `AudioError` where the first bytes of a source are those of a sound file."""
    if data.startswith(_HEADERS) or data[4:8] == b"ftyp" or _is_compressed(data):
        raise AudioError("these are the bytes of a sound file, not raw samples: name the file itself to classify it")


def _is_compressed(data: bytes) -> bool:
    """Tell whether two frames of MP3 or of AAC (ADTS) are at the beginning; one might be a loud sample."""
    if len(data) < 6 or data[0] != 0xFF:
        return False
    if data[1] & 0xF6 == 0xF0:
        length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    elif data[1] & 0xE6 == 0xE2 and data[2] >> 4 not in (0, 15) and data[2] >> 2 & 3 != 3:
        first = data[1] >> 3 & 3 == 3
        rate = _RATES[data[2] >> 2 & 3] >> (0 if first else 1 if data[1] >> 3 & 3 == 2 else 2)
        bits = 1000 * (_BITRATES if first else _BITRATES_2)[(data[2] >> 4) - 1]
        length = (144 if first else 72) * bits // rate + (data[2] >> 1 & 1)
    else:
        return False
    return length > 6 and data[length : length + 2] == data[:2]


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
