"""What players play is heard whole: lengths that are not stated, files that are joined, names that say something else.

Each input is made by the means that make it in the field: an encoder that writes to a pipe, `cat`, a recorder whose
header is never completed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.toolkit import sounds
from toolkit.audio import decode
from toolkit.audio.downmix import CANCELLED
from toolkit.audio.locate import recordings
from toolkit.audio.recording import CUT_OFF, STATES_LESS
from toolkit.errors import AudioError

RATE = sounds.RATE
SECONDS = 6
ID3 = b"ID3\x04\x00\x00" + bytes([0, 4, 0, 0]) + bytes(4 << 14)
"""A tag as large as one with a picture."""
ID3V1 = b"TAG" + bytes(125)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return six seconds of stereo at 44,100 Hz, quiet at first, as a WAV file."""
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    sound = sounds.music(0, 2 * SECONDS) * np.linspace(0, 1, 2 * SECONDS * RATE, dtype=np.float32) ** 4
    soundfile.write(path, np.stack([sound, 0.5 * sound], axis=1), 44_100)
    return path


def ffmpeg(source: Path, target: Path, *options: str) -> bytes:
    """Encode a file; return the bytes of the result."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, target], check=True)
    return target.read_bytes()


def piped_flac(source: Path, *options: str) -> bytes:
    """Return a FLAC file that an encoder wrote to a pipe, so that it states no length."""
    command = ["ffmpeg", "-v", "error", "-i", str(source), *options, "-c:a", "flac", "-f", "flac", "pipe:1"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def seconds(path: Path, data: bytes | bytearray) -> float:
    """Return how much of a file with these bytes is heard, without a warning."""
    path.write_bytes(data)
    sound = decode.read(path, RATE)
    assert sound.warnings == ()
    return len(sound.samples) / RATE


@needs_ffmpeg
@pytest.mark.parametrize("quality", ["-q:a 0", "-q:a 4", "-q:a 9", "-b:a 64k", "-abr 1 -b:a 128k"])
@pytest.mark.parametrize("form", ["-ac 2", "-ac 1", "-ar 22050 -ac 1", "-ar 8000"])
def test_mp3_without_a_stated_length_is_heard_to_its_end(wav: Path, tmp_path: Path, quality: str, form: str) -> None:
    """The bit rate of a quiet beginning, as an estimate of the length, is far off."""
    options = ["-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", *quality.split(), *form.split()]
    data = ffmpeg(wav, tmp_path / "a.mp3", *options)
    path = tmp_path / "b.mp3"
    for beginning in (b"", ID3, ID3 + bytes(5000), bytes(3000), data[1000:1200]):
        for end in (b"", ID3V1, bytes(70_000), b"APETAGEX" + bytes(24) + b"x" * 3000 + ID3V1):
            assert seconds(path, beginning + data + end) == pytest.approx(SECONDS, abs=0.25)


@needs_ffmpeg
def test_frames_in_a_tag_at_the_end_are_no_sound(wav: Path, tmp_path: Path) -> None:
    bare = ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-b:a", "64k")
    data = ffmpeg(wav, tmp_path / "a.mp3", *bare)
    inner = data[:12_000]
    tag = ID3[:6] + bytes([0, 0, len(inner) >> 7, len(inner) & 127]) + inner
    assert seconds(tmp_path / "b.mp3", data + tag) == pytest.approx(SECONDS, abs=0.1)


@needs_ffmpeg
def test_joined_mp3s_are_all_heard(wav: Path, tmp_path: Path) -> None:
    mono = tmp_path / "mono.wav"
    soundfile.write(mono, sounds.melody(3), RATE)
    bare = ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0")
    stated = ffmpeg(wav, tmp_path / "a.mp3", "-c:a", "libmp3lame")
    open_ended = ffmpeg(wav, tmp_path / "b.mp3", *bare, "-q:a", "4")
    other = ffmpeg(mono, tmp_path / "c.mp3", *bare, "-b:a", "32k")
    other_stated = ffmpeg(mono, tmp_path / "d.mp3", "-q:a", "9")
    path = tmp_path / "joined.mp3"
    for parts, expected in (
        ((stated, stated), 12),
        ((stated, open_ended), 12),
        ((open_ended, stated), 12),
        ((open_ended, open_ended, open_ended), 18),
        ((open_ended, ID3, open_ended), 12),
        ((stated, other), 9),
        ((other, open_ended), 9),
        ((other_stated, ID3V1, stated, other), 12),
    ):
        assert seconds(path, b"".join(parts)) == pytest.approx(expected, abs=0.1 * len(parts))


@needs_ffmpeg
def test_a_stated_length_of_an_mp3_is_a_promise(wav: Path, tmp_path: Path) -> None:
    data = ffmpeg(wav, tmp_path / "a.mp3", "-c:a", "libmp3lame")
    (tmp_path / "a.mp3").write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match="truncated"):
        decode.load(tmp_path / "a.mp3", RATE)


@needs_ffmpeg
@pytest.mark.parametrize("form", [("-sample_fmt", "s16"), ("-sample_fmt", "s32"), ("-ac", "1")])
def test_piped_and_joined_flacs_are_heard_to_their_end(wav: Path, tmp_path: Path, form: tuple[str, str]) -> None:
    piped = piped_flac(wav, *form)
    stated = ffmpeg(wav, tmp_path / "a.flac", *form)
    path = tmp_path / "b.flac"
    path.write_bytes(stated)
    one = decode.load(path, RATE)
    for parts in (
        (piped,),
        (ID3, piped),
        (stated, ID3V1),
        (ID3, stated, bytes(500)),
        (stated, stated),
        (piped, piped, stated),
        (stated, ID3, piped),
    ):
        assert seconds(path, b"".join(parts)) == len(one) / RATE * sum(part in (piped, stated) for part in parts)
        np.testing.assert_array_equal(decode.load(path, RATE)[: len(one)], one)


@needs_ffmpeg
def test_a_piped_flac_that_was_cut_is_heard_with_a_warning_and_one_with_a_length_is_refused(
    wav: Path, tmp_path: Path
) -> None:
    piped = piped_flac(wav)
    path = tmp_path / "a.flac"
    path.write_bytes(piped[: len(piped) // 2])
    sound = decode.read(path, RATE)
    assert RATE < len(sound.samples) < (SECONDS - 1) * RATE
    assert "its end cannot be decoded" in sound.warnings[0] and len(sound.warnings) == 1
    path.write_bytes(piped[:20_000] + bytes(2000) + piped[22_000:])
    with pytest.raises(AudioError, match="damaged"):
        decode.load(path, RATE)


@needs_ffmpeg
@pytest.mark.parametrize("sizes", [slice(8, 12), slice(8, 18)], ids=["blocks", "blocks and frames"])
def test_a_joined_flac_that_states_no_sizes_is_heard(wav: Path, tmp_path: Path, sizes: slice) -> None:
    """STREAMINFO may state 0 for the sizes of blocks and frames; the marker, its type and size are enough."""
    stated, other = ffmpeg(wav, tmp_path / "a.flac"), bytearray(piped_flac(wav))
    one = decode.load(tmp_path / "a.flac", RATE)
    other[sizes] = bytes(sizes.stop - sizes.start)
    for first in (stated, other):
        assert seconds(tmp_path / "b.flac", first + other) == 2 * SECONDS
        np.testing.assert_array_equal(decode.load(tmp_path / "b.flac", RATE), np.tile(one, 2))


HEADERS: dict[str, tuple[str, Callable[[bytearray], None]]] = {}


def header(name: str, *options: str) -> Callable[[Callable[[bytearray], None]], Callable[[bytearray], None]]:
    """Register what a recorder leaves in the header of a file with this name."""

    def register(change: Callable[[bytearray], None]) -> Callable[[bytearray], None]:
        HEADERS[f"{change.__name__} {name} {' '.join(options)}"] = (f"{name} {' '.join(options)}", change)
        return change

    return register


def put(data: bytearray, chunk: bytes, offset: int, value: bytes) -> None:
    """Overwrite bytes after a chunk's name."""
    at = data.index(chunk) + len(chunk) + offset
    data[at : at + len(value)] = value


@header("a.wav", "-c:a", "pcm_s16le")
@header("a.wav", "-c:a", "pcm_s24le")
@header("a.wav", "-c:a", "pcm_f32le", "-ac", "1")
def both_sizes(data: bytearray) -> None:
    put(data, b"RIFF", 0, bytes(4))
    put(data, b"data", 0, bytes(4))


@header("a.wav")
def size_of_data(data: bytearray) -> None:
    put(data, b"data", 0, bytes(4))


@header("a.wav", "-rf64", "always")
def sizes_of_rf64(data: bytearray) -> None:
    put(data, b"ds64", 4, bytes(24))


@header("a.aiff")
def sizes_of_aiff(data: bytearray) -> None:
    put(data, b"FORM", 0, bytes(4))
    put(data, b"COMM", 6, bytes(4))
    put(data, b"SSND", 0, bytes(4))


@header("a.au")
def size_of_au(data: bytearray) -> None:
    put(data, b".snd", 4, bytes(4))


@header("a.caf")
def size_of_caf(data: bytearray) -> None:
    put(data, b"data", 0, bytes(8))


@needs_ffmpeg
@pytest.mark.parametrize("case", HEADERS)
def test_a_recorder_that_was_cut_off_is_heard_with_a_warning(wav: Path, tmp_path: Path, case: str) -> None:
    encoding, change = HEADERS[case]
    name, *options = encoding.split()
    data = bytearray(ffmpeg(wav, tmp_path / name, *options))
    expected = decode.read(tmp_path / name, RATE)
    assert expected.warnings == ()
    change(data)
    (tmp_path / name).write_bytes(data)
    sound = decode.read(tmp_path / name, RATE)
    np.testing.assert_array_equal(sound.samples[: len(expected.samples)], expected.samples)
    assert len(sound.samples) <= len(expected.samples) + 20 and sound.warnings == (CUT_OFF,)


@needs_ffmpeg
@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_sizes_that_stand_for_unknown_are_none(wav: Path, tmp_path: Path, size: int) -> None:
    data = bytearray(wav.read_bytes())
    put(data, b"RIFF", 0, struct.pack("<I", size))
    put(data, b"data", 0, struct.pack("<I", size))
    assert seconds(tmp_path / "a.wav", data) == SECONDS
    caf = bytearray(ffmpeg(wav, tmp_path / "a.caf"))
    put(caf, b"data", 0, b"\xff" * 8)
    assert seconds(tmp_path / "a.caf", caf) == SECONDS


def test_an_empty_wav_with_chunks_behind_its_samples_holds_none(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    data = (tmp_path / "a.wav").read_bytes() + b"LIST" + struct.pack("<I", 10) + b"INFOisft\x00\x00"
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(AudioError, match="holds no samples"):
        decode.load(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("between", [b"", b"LIST" + struct.pack("<I", 14) + b"INFOISFT\x02\x00\x00\x00a\x00"])
@pytest.mark.parametrize("size", [None, 0xFFFFFFFF])
def test_an_empty_chunk_of_samples_before_another_is_passed_over(
    wav: Path, tmp_path: Path, between: bytes, size: int | None
) -> None:
    data = wav.read_bytes()
    at = data.index(b"data")
    stated = data[at + 4 : at + 8] if size is None else struct.pack("<I", size)
    content = data[:at] + (b"data" + bytes(4) + between) * 2 + b"data" + stated + data[at + 8 :]
    assert seconds(tmp_path / "a.wav", content) == SECONDS
    np.testing.assert_array_equal(decode.load(tmp_path / "a.wav", RATE), decode.load(wav, RATE))


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["-c:a libmp3lame", "-c:a libmp3lame -q:a 5", "-c:a mp2"])
def test_mp3_in_wav_is_heard(wav: Path, tmp_path: Path, codec: str) -> None:
    data = ffmpeg(wav, tmp_path / "a.wav", *codec.split())
    assert seconds(tmp_path / "b.wav", data) == pytest.approx(SECONDS, abs=0.1)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.au", "a.m4a"])
def test_other_joined_files_are_all_heard(wav: Path, tmp_path: Path, name: str) -> None:
    data = ffmpeg(wav, tmp_path / name)
    assert seconds(tmp_path / name, data * 2) == pytest.approx(2 * SECONDS, abs=0.1)


ENCODINGS = ("a.wav", "a.flac", "a.ogg", "a.mp3", "a.m4a", "a.aac", "a.wma", "a.ac3", "a.opus", "a.mka", "a.aiff")


@needs_ffmpeg
@pytest.mark.parametrize("name", ENCODINGS)
def test_the_content_decides_and_not_the_name(wav: Path, tmp_path: Path, name: str) -> None:
    data = ffmpeg(wav, tmp_path / name)
    for suffix in (".wav", ".mp3", ".m4a", ".ogg", ".flac", ".bin", ""):
        assert seconds(tmp_path / f"b{suffix}", data) == pytest.approx(SECONDS, abs=0.15), suffix


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mov"])
def test_a_film_without_sound_is_said_to_have_none(tmp_path: Path, name: str) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-c:v", "mpeg4"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, tmp_path / name], check=True)
    with pytest.raises(AudioError, match="there is no sound in it"):
        decode.load(tmp_path / name, RATE)


def test_channels_that_cancel_each_other_are_noticed(tmp_path: Path) -> None:
    loud, quiet = sounds.melody(3), 0.7 * sounds.melody(3)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([np.float32(0.99) * loud, -loud], axis=1), RATE, subtype="FLOAT")
    sound = decode.read(path, RATE)
    np.testing.assert_array_equal(sound.samples, np.float32(0.99) * loud)
    assert sound.warnings == decode.check(path) == (CANCELLED,)
    for other in (-quiet, quiet, np.zeros_like(loud), sounds.noise(0)):
        soundfile.write(path, np.stack([loud, other], axis=1), RATE, subtype="FLOAT")
        assert decode.read(path, RATE).warnings == decode.check(path) == ()


def test_a_part_in_antiphase_is_heard(tmp_path: Path) -> None:
    first, second = sounds.melody(4), sounds.music(0, 4)
    path = tmp_path / "a.wav"
    stereo = np.concatenate([np.stack([first, -first], axis=1), np.stack([second, second], axis=1)])
    soundfile.write(path, stereo, RATE, subtype="FLOAT")
    sound = decode.read(path, RATE)
    np.testing.assert_array_equal(sound.samples, np.concatenate([first, second]))
    assert sound.warnings == (CANCELLED,)


@needs_ffmpeg
def test_joined_files_of_other_codecs_are_heard_once_each(wav: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    soundfile.write(short, sounds.melody(2), RATE)
    for name, *options in (("a.ogg", "-c:a", "flac"), ("a.wav", "-c:a", "ac3")):
        parts = [ffmpeg(source, tmp_path / name, *options) for source in (wav, short)]
        assert seconds(tmp_path / name, b"".join(parts)) == pytest.approx(SECONDS + 2, abs=0.2)


@needs_ffmpeg
def test_a_flac_in_a_flacs_metadata_is_no_recording(wav: Path, tmp_path: Path) -> None:
    whole = ffmpeg(wav, tmp_path / "a.flac", "-ac", "1")
    for inner in (whole, whole[:100], b"fLaC" * 10):
        block = b"\x02" + (4 + len(inner)).to_bytes(3, "big") + b"test" + inner  # an APPLICATION block
        assert seconds(tmp_path / "b.flac", whole[:42] + block + whole[42:]) == SECONDS


def xing(data: bytes, frames: int | None, size: bool = True) -> bytes:
    """Return an MP3 with another number of frames in its Info header, or without the number of bytes."""
    at = max(data.find(b"Info"), data.find(b"Xing"))
    changed = bytearray(data)
    if frames is not None:
        changed[at + 8 : at + 12] = frames.to_bytes(4, "big")
    if not size:
        changed[at + 7] &= ~2
        changed[at + 12 : at + 116] = changed[at + 16 : at + 120]
    return bytes(changed)


@needs_ffmpeg
def test_a_header_that_states_another_length_is_not_believed(wav: Path, tmp_path: Path) -> None:
    data = ffmpeg(wav, tmp_path / "a.mp3", "-c:a", "libmp3lame", "-b:a", "128k", "-id3v2_version", "0")
    bare = ffmpeg(wav, tmp_path / "b.mp3", "-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0")
    for changed, expected in (
        (xing(data, 40), SECONDS),
        (xing(data, 1_000_000), SECONDS),
        (xing(data, None, size=False) + bare, 2 * SECONDS),
        (bare + b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(20) + bare, 2 * SECONDS),
    ):
        (tmp_path / "c.mp3").write_bytes(changed)
        sound = decode.read(tmp_path / "c.mp3", RATE)
        assert len(sound.samples) / RATE == pytest.approx(expected, abs=0.3) and len(sound.warnings) <= 1
    au = bytearray(ffmpeg(wav, tmp_path / "a.au"))
    au[8:12] = (100_000).to_bytes(4, "big")
    (tmp_path / "a.au").write_bytes(au)
    sound = decode.read(tmp_path / "a.au", RATE)
    assert len(sound.samples) == SECONDS * RATE and "fewer samples than it holds" in sound.warnings[0]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_flac_that_cannot_be_compressed_states_its_length(tmp_path: Path, subtype: str) -> None:
    """White noise at full scale takes as many bytes as its samples: there is nothing behind what is stated."""
    noise = np.random.default_rng(0).uniform(-1, 1, (4 * RATE, 2))
    soundfile.write(tmp_path / "a.flac", noise, RATE, subtype=subtype)
    size = (tmp_path / "a.flac").stat().st_size
    assert size > noise.size * (2 if subtype == "PCM_16" else 3) * 0.98
    (recording,) = recordings(tmp_path / "a.flac", size)
    assert recording.is_whole(size)


@needs_ffmpeg
def test_a_flac_that_holds_more_than_it_states_is_heard_whole(wav: Path, tmp_path: Path) -> None:
    data = bytearray(ffmpeg(wav, tmp_path / "a.flac"))
    expected = decode.load(tmp_path / "a.flac", RATE)
    data[22:26] = (20_000).to_bytes(4, "big")
    (tmp_path / "a.flac").write_bytes(data)
    sound = decode.read(tmp_path / "a.flac", RATE)
    np.testing.assert_array_equal(sound.samples, expected)
    assert sound.warnings == (STATES_LESS,)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.aac", "a.ac3", "a.ts"])
def test_a_stream_that_was_cut_anywhere_is_heard(wav: Path, tmp_path: Path, name: str) -> None:
    data = ffmpeg(wav, tmp_path / name)
    for cut in (data[: len(data) // 2 + 7], data[: len(data) - 5]):
        (tmp_path / name).write_bytes(cut)
        sound = decode.read(tmp_path / name, RATE)
        assert len(sound.samples) > 2 * RATE and len(sound.warnings) <= 1


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".mp3", ".aac", ""])
def test_aac_that_begins_within_a_frame_is_heard(wav: Path, tmp_path: Path, suffix: str) -> None:
    data = ffmpeg(wav, tmp_path / "a.aac")
    second = data.index(data[:3], 7)
    for cut in (1, 3, second // 2, second - 1, second + 5):
        lost = 1024 / 44_100 * (1 + (cut > second))
        assert seconds(tmp_path / f"b{suffix}", data[cut:]) == pytest.approx(SECONDS - lost, abs=0.05)


FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000", "-f", "mp4")


@needs_ffmpeg
@pytest.mark.parametrize(("codec", "form"), [("libopus", ("-f", "webm")), ("aac", FRAGMENTED)])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_container_without_a_length_that_was_cut_is_heard(
    wav: Path, tmp_path: Path, codec: str, form: tuple[str, ...], share: float
) -> None:
    """A browser's recorder writes such files as it goes; what a finished file states is a promise."""
    command = ["ffmpeg", "-v", "error", "-i", str(wav), "-c:a", codec, "-b:a", "96k", *form]
    data = subprocess.run([*command, "pipe:1"], check=True, stdout=subprocess.PIPE).stdout
    path = tmp_path / "a.bin"
    assert seconds(path, data) == pytest.approx(SECONDS, abs=0.05)
    path.write_bytes(data[: int(share * len(data))])
    sound = decode.read(path, RATE)
    assert len(sound.samples) / RATE == pytest.approx(share * SECONDS, abs=0.8)
    (warning,) = sound.warnings
    assert "may be damaged or have been cut" in warning
    finished = ffmpeg(wav, tmp_path / ("b.webm" if codec == "libopus" else "b.m4a"), "-c:a", codec)
    path.write_bytes(finished[: int(share * len(finished))])
    with pytest.raises(AudioError):
        decode.read(path, RATE)


def test_a_usual_file_is_one_recording_that_is_read_as_it_stands(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", "a.au", "a.caf", "a.w64"):
        soundfile.write(tmp_path / name, sounds.music(0, 3), RATE)
        size = (tmp_path / name).stat().st_size
        (recording,) = recordings(tmp_path / name, size)
        assert recording.is_whole(size), name
