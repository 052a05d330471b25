"""Raw samples: every format there and back, and bytes that are none."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.audio.pcm import FORMATS, check_beginning, decode
from toolkit.errors import AudioError, UsageError


@pytest.mark.parametrize(
    ("format", "data", "expected"),
    [
        ("s16", bytes([0, 0, 0, 0x80, 0xFF, 0x7F]), [0, -1, 1 - 2**-15]),
        ("s24", bytes([0, 0, 0, 0, 0, 0x80, 0xFF, 0xFF, 0x7F]), [0, -1, 1 - 2**-23]),
        ("s32", bytes([0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x40]), [0, -1, 0.5]),
        ("f32", np.array([0, -1, 0.25], "<f4").tobytes(), [0, -1, 0.25]),
    ],
)
def test_full_scale_is_one(format: str, data: bytes, expected: list[float]) -> None:
    samples = decode(data, format)
    assert samples.dtype == np.float32 and samples.shape == (3, 1)
    np.testing.assert_allclose(samples[:, 0], expected, rtol=0, atol=1e-7)


@given(st.sampled_from(sorted(FORMATS)), st.integers(1, 64), st.binary(max_size=2000))
def test_any_bytes_are_samples_or_one_sentence(format: str, channels: int, data: bytes) -> None:
    try:
        samples = decode(data, format, channels)
    except AudioError as error:
        assert len(str(error)) < 200
    else:
        assert samples.shape == (len(data) // (FORMATS[format] * channels), channels)
        assert format == "f32" or np.abs(samples).max(initial=0) <= 1


def test_a_file_is_no_raw_samples() -> None:
    with pytest.raises(AudioError, match="bytes of a sound file, not raw samples: name the file"):
        check_beginning(b"RIFF" + bytes(40))
    check_beginning(b"RIF")
    with pytest.raises(AudioError, match="bytes of a sound file"):
        check_beginning(b"\0\0\0\x20ftypM4A ")
    with pytest.raises(AudioError, match="7 bytes are no whole number of s16 samples of 2 channels"):
        decode(bytes(7), "s16", 2)
    with pytest.raises(UsageError, match="no 'u8' samples: choose one of s16"):
        decode(b"", "u8")
    with pytest.raises(UsageError, match="65 channels"):
        decode(b"", "s16", 65)


@pytest.mark.parametrize(("format", "codec"), [("mp3", "libmp3lame"), ("adts", "aac")])
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("rate", [48_000, 44_100, 24_000, 16_000, 11_025])
def test_compressed_sound_without_a_header_is_no_raw_samples(format: str, codec: str, rate: int) -> None:
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"sine=r={rate}:d=1", "-c:a", codec, "-id3v2_version", "0"]
    command += ["-write_xing", "0"] if format == "mp3" else []
    data = subprocess.run([*command, "-f", format, "-"], check=True, capture_output=True).stdout
    with pytest.raises(AudioError, match="bytes of a sound file"):
        check_beginning(data)


def test_loud_samples_are_no_compressed_sound() -> None:
    rng = np.random.default_rng(0)
    for head in (b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80"):
        check_beginning(head + rng.bytes(4092))
