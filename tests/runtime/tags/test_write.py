"""A genre is written into every format's tags, and nothing else of the file changes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.easymp4 import EasyMP4
from mutagen.id3 import APIC, ID3, TIT2, TSOP

from runtime.tags import write
from runtime.tags.write import Outcome, write_genre
from tests.toolkit.sounds import RATE, melody
from toolkit.audio.decode import load

FFMPEG = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
KINDS = {
    "a.mp3": {},
    "a.flac": {},
    "a.ogg": {"subtype": "VORBIS"},
    "a.opus": {"format": "OGG", "subtype": "OPUS"},
    "a.m4a": {},
    "a.mp4": {},
}
LIBRARY = {".m4a", ".mp4"}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a clip in each format; those of FFmpeg are absent where it is."""
    folder = tmp_path_factory.mktemp("originals")
    clip = melody(3)
    soundfile.write(folder / "a.wav", clip, RATE)
    for name, options in KINDS.items():
        if Path(name).suffix not in LIBRARY:
            soundfile.write(folder / name, clip, 24_000 if name == "a.opus" else RATE, **options)
        elif shutil.which("ffmpeg"):
            fast = ["-movflags", "faststart"] if name == "a.m4a" else ["-movflags", "frag_keyframe+empty_moov"]
            _ffmpeg("-i", folder / "a.wav", "-c:a", "aac", *fast, folder / name)
    return folder


def _ffmpeg(*arguments: str | Path) -> str:
    return subprocess.run(["ffmpeg", "-v", "error", *arguments], check=True, capture_output=True, text=True).stdout


def _packets(path: Path) -> str:
    """Return FFmpeg's digest of the coded audio, which knows nothing of containers' tags."""
    return _ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "streamhash", "-")


def _genres(path: Path) -> list[str]:
    file = mutagen.File(path, easy=True)
    return list(file.get("genre", []))


def _copy(originals: Path, folder: Path, name: str) -> Path:
    if not (originals / name).exists():
        pytest.skip("ffmpeg is not installed")
    return Path(shutil.copy(originals / name, folder / name))


@FFMPEG
@pytest.mark.parametrize("name", KINDS)
def test_the_audio_stays_bit_identical(originals: Path, tmp_path: Path, name: str) -> None:
    path = _copy(originals, tmp_path, name)
    path.chmod(0o640)
    os.utime(path, (1, 1))
    packets, samples = _packets(path), load(path, RATE)
    assert write_genre(path, "Drum & Bass – ü").outcome == Outcome.WRITTEN
    assert _genres(path) == ["Drum & Bass – ü"]
    assert _packets(path) == packets
    np.testing.assert_array_equal(load(path, RATE), samples)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime > 1
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", KINDS)
def test_a_genre_that_is_there_is_kept_unless_overwritten(originals: Path, tmp_path: Path, name: str) -> None:
    path = _copy(originals, tmp_path, name)
    assert write_genre(path, "jazz").outcome == Outcome.WRITTEN
    content = path.read_bytes()
    assert write_genre(path, "jazz").outcome == Outcome.SAME
    assert write_genre(path, "rock") == (Outcome.KEPT, "", ("jazz",))
    assert write_genre(path, "rock", overwrite=True, dry_run=True) == (Outcome.WRITTEN, "", ("jazz",))
    assert path.read_bytes() == content
    assert write_genre(path, "rock", overwrite=True) == (Outcome.WRITTEN, "", ("jazz",))
    assert _genres(path) == ["rock"]


@pytest.mark.parametrize("version", [3, 4])
def test_other_frames_and_the_version_of_id3_stay(originals: Path, tmp_path: Path, version: int) -> None:
    path = _copy(originals, tmp_path, "a.mp3")
    tags = ID3()
    tags.add(TIT2(encoding=1, text=["Stücke"]))
    tags.add(TSOP(encoding=0, text=["Order"]))  # not of 2.3, and common in it
    tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=b"\x89PNG" * 50))
    tags.save(path, v2_version=version, v1=2)
    before = ID3(path, translate=False)
    assert write_genre(path, "blues").outcome == Outcome.WRITTEN
    after = ID3(path, translate=False)
    assert after.version[1] == version
    assert after.pop("TCON").text == ["blues"]
    assert after == before
    assert path.read_bytes()[-128:-125] == b"TAG"


@pytest.mark.parametrize(("genre", "number"), [("disco", 4), ("hiphop", 7), ("Jazz", 8), ("rain on a roof", 255)])
@pytest.mark.parametrize("with_id3v2", [True, False])
def test_of_an_old_tag_only_the_genres_number_changes(
    genre: str, number: int, with_id3v2: bool, originals: Path, tmp_path: Path
) -> None:
    path = _copy(originals, tmp_path, "a.mp3")
    if with_id3v2:
        tags = ID3()
        tags.add(TIT2(encoding=0, text=["A title of more letters than the old tag holds"]))
        tags.save(path)
    fields = b"TAG" + b"A title".ljust(30, b"\0") + b"\0" * 60 + b"1999" + b"a comment".ljust(28, b"\0") + b"\0\5"
    path.write_bytes(path.read_bytes() + fields + bytes([17]))
    size = path.stat().st_size
    assert write_genre(path, genre, overwrite=True).outcome == Outcome.WRITTEN
    assert path.read_bytes()[-128:] == fields + bytes([number])
    assert _genres(path) == [genre]
    assert path.stat().st_size < size + 5_000


def test_genres_of_old_tags_are_seen(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.mp3")
    path.write_bytes(path.read_bytes() + b"TAG" + b"Title".ljust(124, b"\0") + bytes([17]))
    assert write_genre(path, "jazz") == (Outcome.KEPT, "", ("Rock",))
    assert write_genre(path, "jazz", overwrite=True).outcome == Outcome.WRITTEN
    assert path.read_bytes()[-1] != 17
    path = _copy(originals, tmp_path, "a.mp3")
    frame = b"TCO" + (5).to_bytes(3, "big") + b"\0(17)"
    path.write_bytes(b"ID3\2\0\0\0\0\0" + bytes([len(frame)]) + frame + path.read_bytes())
    assert write_genre(path, "jazz") == (Outcome.KEPT, "", ("Rock",))
    assert write_genre(path, "jazz", overwrite=True).outcome == Outcome.WRITTEN
    assert ID3(path, translate=False).version == (2, 3, 0)
    assert _genres(path) == ["jazz"]


@FFMPEG
def test_tags_of_other_makers_stay(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.m4a")
    file = EasyMP4(path)
    file["title"] = ["a title"]
    file.save()
    assert write_genre(path, "jazz").outcome == Outcome.WRITTEN
    assert EasyMP4(path)["title"] == ["a title"]


def test_a_format_without_a_genre_tag_is_left_alone(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.wav").rename(tmp_path / "misnamed.mp3")
    content = path.read_bytes()
    assert write_genre(path, "jazz").outcome == Outcome.UNSUPPORTED
    assert path.read_bytes() == content


def test_the_content_decides_what_a_file_is(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.flac").rename(tmp_path / "misnamed.mp3")
    assert write_genre(path, "jazz").outcome == Outcome.WRITTEN
    assert path.read_bytes().startswith(b"fLaC")


def test_a_link_stays_a_link(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.flac")
    link = tmp_path / "link.flac"
    link.symlink_to("a.flac")
    assert write_genre(link, "jazz").outcome == Outcome.WRITTEN
    assert link.is_symlink()
    assert _genres(path) == ["jazz"]


def test_files_with_several_names_and_read_only_ones_are_refused(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.flac")
    content = path.read_bytes()
    os.link(path, tmp_path / "b.flac")
    assert "2 names (hard links)" in write_genre(path, "jazz").reason
    (tmp_path / "b.flac").unlink()
    path.chmod(0o444)
    assert "read only" in write_genre(path, "jazz").reason
    assert path.read_bytes() == content
    assert write_genre(tmp_path / "absent.flac", "jazz") == (Outcome.FAILED, "No such file or directory", ())


def test_a_genre_that_would_be_read_as_another_is_refused(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.mp3")
    content = path.read_bytes()
    assert 'cannot hold the genre "17"' in write_genre(path, "17").reason  # ID3's number of rock
    assert path.read_bytes() == content


def test_a_copy_with_other_samples_takes_no_place(
    originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _copy(originals, tmp_path, "a.flac")
    content, digests = path.read_bytes(), iter([b"one", b"another"])
    monkeypatch.setattr(write, "_samples_digest", lambda _: next(digests))
    assert "samples would change" in write_genre(path, "jazz").reason
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_damaged_files_are_reported(originals: Path, tmp_path: Path) -> None:
    for name in ("a.mp3", "a.flac", "a.ogg", "a.opus"):
        path = _copy(originals, tmp_path, name)
        content = path.read_bytes()
        for size in (0, 3, 30, 45, 200):
            path.write_bytes(content[:size])
            tagging = write_genre(path, "jazz")
            assert tagging.outcome in (Outcome.FAILED, Outcome.UNSUPPORTED), (name, size)
            assert path.read_bytes() == content[:size]


def test_a_full_disk_stops_the_run_and_leaves_the_file(
    originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _copy(originals, tmp_path, "a.flac")
    content = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        write_genre(path, "jazz")
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_limit_on_the_size_of_files_is_a_failure(originals: Path, tmp_path: Path) -> None:
    path = _copy(originals, tmp_path, "a.flac")
    content = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, limits[1]))
    try:
        assert write_genre(path, "jazz") == (Outcome.FAILED, "File too large", ())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from runtime.tags import write

step, count = int(sys.argv[2]), 0

def trace(frame, event, argument):
    global count
    if event == "line" and "/tags/write.py" in frame.f_code.co_filename:
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

sys.settrace(trace)
write.write_genre(Path(sys.argv[1]), "jazz")
"""


@pytest.mark.slow
def test_a_killed_process_leaves_the_old_file_or_the_new_one(originals: Path, tmp_path: Path) -> None:
    def is_new(step: int) -> bool | None:
        """Kill the process at its line `step`; return which file is there, None where it ended before."""
        path = _copy(originals, tmp_path, "a.flac")
        before = path.read_bytes()
        code = subprocess.run([sys.executable, "-c", KILLED, path, str(step)]).returncode
        if code == 0:
            return None
        assert code == -signal.SIGKILL
        assert path.read_bytes() == before or _genres(path) == ["jazz"]
        return path.read_bytes() != before

    step, kept = 15, list[bool | None]()
    while (new := is_new(step)) is not None:
        kept.append(new)
        step += 3
    kept += [is_new(step - 1), is_new(step - 2)]  # its last lines, behind the renaming
    assert kept.count(False) > 5
    assert kept.count(True) >= 1
