"""What libsndfile reads here is what the package soundfile reads with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.toolkit import sounds
from toolkit.audio import sndfile
from toolkit.audio.sndfile import SndfileError, SoundFile
from toolkit.audio.view import View

RATE = 22_050
KINDS = (
    ("wav", "PCM_16", ""),
    ("wav", "FLOAT", ""),
    ("aiff", "PCM_24", ""),
    ("flac", "PCM_16", ""),
    ("au", "ULAW", ""),
)
CODED = (("ogg", "VORBIS", "OGG"), ("ogg", "OPUS", "OGG"), ("mp3", "MPEG_LAYER_III", "MP3"))


def header_lines(log: str) -> list[str]:
    return [line for line in log.splitlines() if not line.startswith("File")]


@pytest.mark.parametrize(("suffix", "subtype", "format"), KINDS + CODED)
def test_a_file_and_a_view_of_it_are_read(tmp_path: Path, suffix: str, subtype: str, format: str) -> None:
    path, rate = tmp_path / f"a.{suffix}", 48_000 if subtype == "OPUS" else RATE
    samples = np.stack([sounds.melody(2), -0.5 * sounds.melody(2)], axis=1)
    soundfile.write(path, samples, rate, subtype=subtype)
    with soundfile.SoundFile(path) as theirs:
        log, expected = header_lines(theirs.extra_info), theirs.read(dtype="float32")
    for source in (bytes(path), View(path, 0, path.stat().st_size, {})):
        with SoundFile(source) as sound:
            assert (sound.samplerate, sound.channels, sound.format) == (rate, 2, format)
            assert header_lines(sound.extra_info) == log
            blocks = [sound.read(10_000)]
            while len(blocks[-1]):
                blocks.append(sound.read(10_000))
            assert isinstance(source, View) is sound.source_ended
        np.testing.assert_array_equal(np.concatenate(blocks), expected)
        assert blocks[0].dtype == np.float32


def test_what_cannot_be_read_is_said_in_the_librarys_words(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_bytes(b"this is no sound\n" * 500)
    with pytest.raises(SndfileError, match="Format not recognised"):
        SoundFile(bytes(tmp_path / "text.wav"))
    with pytest.raises(SndfileError, match="File does not exist|System error"):
        SoundFile(bytes(tmp_path / "none.wav"))


def test_the_systems_library_is_used_where_the_package_brings_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sndfile, "find_spec", lambda _: None)
    assert Path(sndfile._library_name()).parent == Path() and "sndfile" in sndfile._library_name()
