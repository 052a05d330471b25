"""Sound files of every kind become the right samples or a clear error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.toolkit import sounds
from toolkit.audio import blocks, decode, ffmpeg
from toolkit.audio.samples import to_mono_at
from toolkit.errors import AudioError, UsageError

RATE = sounds.RATE
NO_FFMPEG = shutil.which("ffmpeg") is None
CODECS = {
    "a.wav": ("WAV", "PCM_16", 1e-4),
    "8.wav": ("WAV", "PCM_U8", 1e-2),
    "24.wav": ("WAV", "PCM_24", 1e-6),
    "32.wav": ("WAV", "PCM_32", 1e-6),
    "float.wav": ("WAV", "FLOAT", 0),
    "double.wav": ("WAV", "DOUBLE", 0),
    "x.wav": ("WAVEX", "PCM_16", 1e-4),
    "a.flac": ("FLAC", "PCM_24", 1e-6),
    "a.aiff": ("AIFF", "PCM_16", 1e-4),
    "a.au": ("AU", "PCM_16", 1e-4),
    "a.ogg": ("OGG", "VORBIS", 0.1),
    "a.mp3": ("MP3", "MPEG_LAYER_III", 0.1),
}


def correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Return the correlation of two sounds of about one length."""
    count = min(len(one), len(two))
    return float(np.corrcoef(one[:count], two[:count])[0, 1])


@pytest.mark.parametrize("name", CODECS)
def test_every_format_gives_its_samples(tmp_path: Path, name: str) -> None:
    kind, subtype, tolerance = CODECS[name]
    sound = sounds.melody(2)
    soundfile.write(tmp_path / name, sound, RATE, format=kind, subtype=subtype)
    samples = decode.load(tmp_path / name, RATE)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert len(samples) == len(sound)
    assert np.abs(samples - sound).max() <= tolerance or correlation(samples, sound) > 0.99 and tolerance == 0.1


def test_opus_is_read_at_its_own_rate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.opus", sounds.tone(440, 2), 24_000, format="OGG", subtype="OPUS")
    spectrum = np.abs(np.fft.rfft(decode.load(tmp_path / "a.opus", RATE)[:RATE]))
    assert spectrum.argmax() == pytest.approx(440 * 24_000 / RATE, abs=2)


@pytest.mark.parametrize("suffix", ["m4a", "aac"])
@pytest.mark.skipif(NO_FFMPEG, reason="ffmpeg is not installed")
def test_aac_is_read_through_ffmpeg(tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([sounds.melody(2)] * 2, axis=1), RATE)
    path = tmp_path / f"-odd name; 'x'.{suffix}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", f"file:{path}"], check=True)
    samples = decode.load(path, RATE)
    assert len(samples) == pytest.approx(2 * RATE, abs=4096)
    peaks = [np.abs(np.fft.rfft(sound[: 2 * RATE], 2 * RATE)).argmax() for sound in (samples, sounds.melody(2))]
    assert abs(peaks[0] - peaks[1]) <= 2


@pytest.mark.skipif(NO_FFMPEG, reason="ffmpeg is not installed")
def test_a_damaged_aac_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.m4a").write_bytes(b"nothing at all" * 100)
    with pytest.raises(AudioError, match=r"bad\.m4a: ffmpeg cannot decode it"):
        decode.load(tmp_path / "bad.m4a", RATE)
    soundfile.write(tmp_path / "a.wav", sounds.melody(5), RATE)
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", tmp_path / "a.m4a"], check=True)
    whole = (tmp_path / "a.m4a").read_bytes()
    (tmp_path / "cut.m4a").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match=r"cut\.m4a"):
        decode.load(tmp_path / "cut.m4a", RATE)


def test_without_ffmpeg_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.m4a").write_bytes(b"x")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match="apt install ffmpeg"):
        decode.load(tmp_path / "a.m4a", RATE)


@given(arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1, 1, width=32)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mono_at_the_right_rate_passes_bit_for_bit(tmp_path: Path, samples: np.ndarray) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(decode.load(path, RATE), samples)
    assert to_mono_at(samples, RATE, RATE) is samples


@given(st.integers(1, 8), st.integers(1, 5000), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_channels_are_averaged(tmp_path: Path, channels: int, count: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(0.1, 1, (count, channels)).astype(np.float32)  # no chance to cancel
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    np.testing.assert_allclose(decode.load(path, RATE), samples.mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(decode.load(path, RATE), to_mono_at(samples, RATE, RATE))


def test_real_clips_pass_untouched(gtzan_root: Path) -> None:
    path = next(
        path for path in sorted((gtzan_root / "genres_original").glob("*/*")) if path.suffix in (".flac", ".wav")
    )
    whole, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    np.testing.assert_array_equal(decode.load(path, RATE), whole)


def write_raw_wav(path: Path, rate: int, samples: np.ndarray) -> None:
    """Write a WAV file whose header may hold any rate."""
    data = samples.astype("<f4").tobytes()
    header = b"fmt " + (16).to_bytes(4, "little") + b"\x03\x00\x01\x00" + rate.to_bytes(4, "little")
    header += (rate * 4 & 0xFFFFFFFF).to_bytes(4, "little") + b"\x04\x00\x20\x00"
    body = b"WAVE" + header + b"data" + len(data).to_bytes(4, "little") + data
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)


@pytest.mark.parametrize("rate", [0, 1, 999, 768_001, 4_000_000_000])
def test_absurd_rates_are_refused(tmp_path: Path, rate: int) -> None:
    write_raw_wav(tmp_path / "a.wav", rate, np.zeros(100))
    with pytest.raises(AudioError, match=r"a\.wav: .*sample rate"):
        decode.load(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_samples_that_are_no_sound_are_refused(tmp_path: Path, value: float, rate: int) -> None:
    samples = np.zeros(1000)
    samples[700] = value
    write_raw_wav(tmp_path / "a.wav", rate, samples)
    for read in (partial(decode.load, rate=RATE), decode.check):
        with pytest.raises(AudioError, match=r"a\.wav: .*(NaN|magnitude)"):
            read(tmp_path / "a.wav")


@pytest.mark.parametrize("name", CODECS)
def test_truncated_files_are_refused(tmp_path: Path, name: str) -> None:
    kind, subtype, _ = CODECS[name]
    soundfile.write(tmp_path / name, sounds.noise(0, 4.0), RATE, format=kind, subtype=subtype)
    whole = (tmp_path / name).read_bytes()
    for share in (0.5, 0.9):
        (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
        for read in (partial(decode.load, rate=RATE), decode.check):
            with pytest.raises(AudioError, match="truncated|damaged"):
                read(tmp_path / name)


def test_damage_is_told_with_the_samples_before_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", sounds.noise(0, 4.0), RATE)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match="damaged after") as error:
        decode.load(tmp_path / "a.flac", RATE)
    (samples,) = re.findall(r"after (\d+) samples", str(error.value))
    assert 1.5 * RATE < int(samples) <= 2.1 * RATE


def test_a_streamed_wav_of_unknown_length_is_read(tmp_path: Path) -> None:
    """A program that writes into a pipe cannot go back and fill in the length."""
    soundfile.write(tmp_path / "a.wav", sounds.tone(440, 1), RATE, subtype="PCM_16")
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    at = whole.index(b"data") + 4
    whole[4:8] = whole[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(whole)
    assert len(decode.load(tmp_path / "a.wav", RATE)) == RATE


@pytest.mark.parametrize("count", [0, 1, 4, 11, 12, 30, 43])
def test_the_beginning_of_a_header_is_no_sound(tmp_path: Path, count: int) -> None:
    soundfile.write(tmp_path / "a.wav", sounds.tone(440, 1), RATE)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:count])
    with pytest.raises(AudioError, match=r"a\.wav"):
        decode.load(tmp_path / "a.wav", RATE)


@given(st.binary(min_size=0, max_size=400), st.sampled_from((b"", b"RIFF", b"fLaC", b"OggS", b"ID3", b".snd", b"FORM")))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_an_error_or_finite_samples(tmp_path: Path, data: bytes, magic: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(magic + data)
    try:
        samples = decode.load(path, RATE)
    except AudioError as error:
        assert "a.wav" in str(error) and "\n" not in str(error)
    else:
        assert samples.dtype == np.float32 and len(samples) > 0 and np.isfinite(samples).all()


@pytest.mark.parametrize("name", ["notes.txt", "sound.raw", "sound.wav", "sound", "sound.mp3"])
def test_a_file_that_is_no_sound_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("This is no sound.\n" * 50)
    with pytest.raises(AudioError, match="not a sound file that can be read"):
        decode.load(tmp_path / name, RATE)


def test_noise_named_mp3_is_said_to_be_no_sound(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(AudioError, match=r"a\.mp3: not a sound file that can be read \((?!File does not exist)"):
        decode.load(tmp_path / "a.mp3", RATE)


def test_paths_that_are_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none\.wav: no such file"):
        decode.load(tmp_path / "none.wav", RATE)
    with pytest.raises(AudioError, match="is a folder"):
        decode.load(tmp_path, RATE)
    with pytest.raises(AudioError, match="no regular file"):
        decode.load("/dev/null", RATE)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(AudioError, match=r"empty\.wav: the file is empty"):
        decode.load(tmp_path / "empty.wav", RATE)
    with pytest.raises(AudioError):
        decode.load("nul\0byte.wav", RATE)
    soundfile.write(tmp_path / "zero.wav", np.zeros(0), RATE)
    with pytest.raises(AudioError, match=r"zero\.wav: holds no samples"):
        decode.load(tmp_path / "zero.wav", RATE)


def test_too_long_a_sound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_SECONDS", 60)
    soundfile.write(tmp_path / "a.flac", np.zeros(60 * RATE), RATE)
    assert len(decode.load(tmp_path / "a.flac", RATE)) == 60 * RATE
    soundfile.write(tmp_path / "a.flac", np.zeros(60 * RATE + 1), RATE)
    with pytest.raises(AudioError, match=r"a\.flac: longer than 1 minutes"):
        decode.load(tmp_path / "a.flac", RATE)


@pytest.mark.parametrize(("form", "rate"), [("wav", RATE), ("flac", 44_100), ("mp3", 48_000)])
def test_a_streamed_file_is_what_is_read_and_may_be_long(
    tmp_path: Path, form: str, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{form}"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (5 * rate, 2)), rate)
    whole = decode.load(path, RATE)
    monkeypatch.setattr(blocks, "MAX_SECONDS", 2)
    monkeypatch.setattr(decode, "MAX_VALUES", RATE)
    warnings: list[str] = []
    pieces = list(decode.stream(path, RATE, warnings))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert len(pieces) > 2 and warnings == []


@pytest.mark.skipif(NO_FFMPEG, reason="ffmpeg is not installed")
def test_a_long_file_that_ffmpeg_decodes_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is renewed while samples come."""
    soundfile.write(tmp_path / "a.wav", sounds.melody(5), RATE)
    path = through_ffmpeg(tmp_path / "a.wav", tmp_path / "a.m4a")
    whole = decode.load(path, RATE)
    monkeypatch.setattr(blocks, "MAX_SECONDS", 2)
    monkeypatch.setattr(ffmpeg, "TIMEOUT_SECONDS", 0.6)
    pieces = []
    for piece in decode.stream(path, RATE, []):
        pieces.append(piece)
        if len(pieces) % 4 == 0:
            time.sleep(0.2)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("rate", [0, 22_050.5, None])
def test_a_rate_that_is_no_whole_number_is_misuse(tmp_path: Path, rate: Any) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(1000), RATE)
    with pytest.raises(UsageError, match="whole number above 0"):
        decode.load(tmp_path / "a.wav", rate)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000, 12_345])
@pytest.mark.parametrize("channels", [1, 2, 64])
def test_a_file_is_resampled_as_its_samples_are(tmp_path: Path, rate: int, channels: int) -> None:
    """Block by block is bit for bit all at once."""
    samples = np.random.default_rng(rate).uniform(-1, 1, (150_001, channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    np.testing.assert_array_equal(decode.load(tmp_path / "a.wav", RATE), to_mono_at(samples, rate, RATE))


def test_a_rate_may_be_any_whole_number(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sounds.melody(10), RATE)
    expected = decode.load(tmp_path / "a.wav", 16_000)
    for rate in (16_000.0, np.int32(16_000)):
        np.testing.assert_array_equal(decode.load(tmp_path / "a.wav", rate), expected)  # type: ignore[arg-type]


def write_sparse_wav(path: Path, rate: int, channels: int, seconds: int) -> None:
    """Write a WAV file of 16-bit silence that takes hardly any disk."""
    soundfile.write(path, np.zeros((0, channels)), rate, subtype="PCM_16", format="WAV")
    whole = bytearray(path.read_bytes())
    size = rate * channels * 2 * seconds
    at = whole.index(b"data") + 4
    whole[4:8], whole[at : at + 4] = (len(whole) + size - 8).to_bytes(4, "little"), size.to_bytes(4, "little")
    path.write_bytes(whole)
    os.truncate(path, len(whole) + size)


@pytest.mark.parametrize(("rate", "channels", "seconds"), [(768_000, 1, 100), (RATE, 64, 100)])
def test_memory_does_not_grow_with_rate_and_channels(tmp_path: Path, rate: int, channels: int, seconds: int) -> None:
    write_sparse_wav(tmp_path / "a.wav", rate, channels, seconds)
    for read in (partial(decode.load, rate=RATE), decode.check):
        tracemalloc.start()
        read(tmp_path / "a.wav")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 100e6, "the samples as they are take 300 MB or more"


def test_more_samples_than_memory_may_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_VALUES", RATE)
    soundfile.write(tmp_path / "a.wav", np.zeros((RATE, 2)), RATE)
    assert len(decode.load(tmp_path / "a.wav", RATE)) == RATE
    with pytest.raises(AudioError, match=r"a\.wav: it needs more than 0 MB of memory; cut it first"):
        decode.load(tmp_path / "a.wav", 2 * RATE)
    decode.check(tmp_path / "a.wav")


def through_ffmpeg(source: Path, target: Path) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, f"file:{target}"], check=True)
    return target


@pytest.mark.skipif(NO_FFMPEG, reason="ffmpeg is not installed")
def test_what_ffmpeg_makes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", sounds.melody(5), RATE)
    path = through_ffmpeg(tmp_path / "a.wav", tmp_path / "a.m4a")
    monkeypatch.setattr(blocks, "MAX_SECONDS", 2)
    with pytest.raises(AudioError, match=r"a\.m4a: longer than"):
        decode.load(path, RATE)
    monkeypatch.undo()
    monkeypatch.setattr(ffmpeg, "TIMEOUT_SECONDS", 0)
    with pytest.raises(AudioError, match=r"a\.m4a: ffmpeg decoded nothing for 0 seconds"):
        decode.load(path, RATE)


@pytest.mark.skipif(NO_FFMPEG, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", [".mka", ".webm"])
def test_a_matroska_file_that_was_cut_is_reported(tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / "a.wav", sounds.melody(8), RATE)
    path = through_ffmpeg(tmp_path / "a.wav", tmp_path / f"a{suffix}")
    assert len(decode.load(path, RATE)) > 7 * RATE
    data = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(AudioError, match="the file is truncated; copy it again"):
            decode.load(path, RATE)


@pytest.mark.skipif(NO_FFMPEG, reason="ffmpeg is not installed")
@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile a.wav\n", "#EXTM3U\n#EXTINF:5,\na.wav\n#EXT-X-ENDLIST\n"])
def test_a_list_of_other_files_is_no_sound(tmp_path: Path, text: str) -> None:
    soundfile.write(tmp_path / "a.wav", sounds.melody(5), RATE)
    (tmp_path / "list.m4a").write_text(text)
    with pytest.raises(AudioError, match=r"list\.m4a: ffmpeg cannot decode it"):
        decode.load(tmp_path / "list.m4a", RATE)


@pytest.mark.parametrize("suffix", [".au", ".snd", ".vox", ".gsm", ".raw"])
def test_a_name_alone_makes_no_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(b"this is no sound\n" * 500)
    with pytest.raises(AudioError, match="not a sound file that can be read"):
        decode.load(path, RATE)


def test_names_that_are_no_utf8_are_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/lat\xff.wav"))
    soundfile.write(str(tmp_path / "a.wav"), sounds.melody(2), RATE)
    (tmp_path / "a.wav").rename(path)
    assert len(decode.load(path, RATE)) == 2 * RATE


def test_a_long_sound_is_never_in_memory_twice() -> None:
    blocks = (np.full(1 << 16, number, np.float32) for number in range(200))
    tracemalloc.start()
    samples = decode.collected("sound", blocks, 22_050, 22_050)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples.shape == (200 << 16,) and samples[-1] == 199 and samples[0] == 0
    assert peak < 1.2 * samples.nbytes


def test_a_sound_of_one_block_is_not_copied() -> None:
    block = np.full(1000, 0.5, np.float32)
    assert np.shares_memory(decode.collected("sound", [block], RATE, RATE), block)
    np.testing.assert_array_equal(decode.collected("sound", [block, block], RATE, RATE), np.tile(block, 2))
