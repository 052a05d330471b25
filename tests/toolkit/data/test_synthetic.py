"""The synthetic corpus: repeatable, varied, separable, and marked for what it is."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.toolkit.trees import write_sound
from toolkit import files
from toolkit.audio.samples import to_mono_at
from toolkit.data import synthetic
from toolkit.data.dataset import GENRES, build_index
from toolkit.data.features import load_windows
from toolkit.data.recordings import recordings
from toolkit.data.synthetic import CLASSES, MARK, clip, is_synthetic, write_corpus
from toolkit.errors import DatasetError, UsageError
from toolkit.files import file_digest
from toolkit.frontend.picture import INTERIOR
from toolkit.frontend.spec import PICTURE


def digests(root: Path) -> dict[str, str]:
    """Return the digest of every file."""
    return {path.relative_to(root).as_posix(): file_digest(path) for path in root.rglob("*") if path.is_file()}


def test_ten_classes_none_named_as_a_genre() -> None:
    assert len(CLASSES) == 10
    assert list(CLASSES) == sorted(CLASSES)
    assert not any(genre in name for name in CLASSES for genre in GENRES)


@pytest.mark.parametrize("label", CLASSES)
def test_clip_is_sound_and_depends_on_seed_class_and_number_only(label: str) -> None:
    samples = clip(label, 3, seconds=4.0, seed=5)
    assert samples.dtype == np.float32
    assert samples.shape == (88_200,)
    assert np.isfinite(samples).all()
    assert 0.1 < np.abs(samples).max() <= 1.0
    np.testing.assert_array_equal(clip(label, 3, seconds=4.0, seed=5), samples)
    for other in (clip(label, 4, seconds=4.0, seed=5), clip(label, 3, seconds=4.0, seed=6)):
        assert not np.array_equal(other, samples)


PROJECTIONS = {
    "arpeggio": (1.685, -2.083, -0.644),
    "bass-drone": (-2.095, -1.154, -0.018),
    "bass-pulse": (-0.011, -0.808, -0.495),
    "bells": (-0.873, -0.449, -0.274),
    "chirps": (0.466, -0.939, 0.054),
    "chords": (-0.013, -1.415, -0.394),
    "clicks": (0.170, 0.555, 1.735),
    "noise-bursts": (0.058, 1.092, 1.117),
    "tremolo": (0.443, 0.889, 0.001),
    "vibrato-lead": (0.254, -0.446, -0.282),
}
"""Of the first clip of each class, as a unit vector, on three of noise: another tempo, key or harmony has others."""


@pytest.mark.parametrize("label", CLASSES)
def test_a_seed_gives_the_sound_that_it_always_gave(label: str) -> None:
    samples = clip(label, 0, seconds=4.0).astype(np.float64)
    noise = np.random.default_rng(1).standard_normal((3, len(samples)))
    assert noise @ samples / np.linalg.norm(samples) == pytest.approx(PROJECTIONS[label], abs=0.002)


@pytest.mark.parametrize("label", CLASSES)
@pytest.mark.parametrize("seconds", [0.1, 1.7])
def test_short_clips_have_their_length(label: str, seconds: float) -> None:
    assert clip(label, 0, seconds=seconds).shape == (round(22_050 * seconds),)


def test_corpus_on_disk(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_corpus(tmp_path / "a", 2, 1.0, seed=7, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (20, 20)
    index = build_index(tmp_path / "a")
    assert (index.kind, index.classes, index.bad, index.duplicates) == ("audio", CLASSES, (), ())
    assert index.items[0].name == "arpeggio/arpeggio.00000.flac"
    assert set(index.counts().values()) == {2}
    assert not index.is_gtzan
    samples, rate = soundfile.read(index.path(index.items[0]), dtype="float32")
    assert rate == 22_050
    np.testing.assert_allclose(samples, clip("arpeggio", 0, seconds=1.0, seed=7), atol=1 / 32_768)
    write_corpus(tmp_path / "b", 2, 1.0, seed=7)
    assert digests(tmp_path / "b") == digests(tmp_path / "a")
    write_corpus(tmp_path / "c", 2, 1.0, seed=8)
    assert not set(digests(tmp_path / "c").values()) & set(digests(tmp_path / "a").values())


def test_corpus_is_marked(tmp_path: Path) -> None:
    write_corpus(tmp_path, 1, 0.5)
    assert is_synthetic(tmp_path)
    assert (tmp_path / MARK).read_text().startswith("SYNTHETIC")
    assert "not music" in (tmp_path / MARK).read_text()
    with soundfile.SoundFile(tmp_path / "bells" / "bells.00000.flac") as stream:
        assert "synthetic" in stream.comment
    assert not is_synthetic(tmp_path / "bells")
    assert not is_synthetic(tmp_path / "nowhere")


def test_only_an_earlier_corpus_is_replaced_and_only_when_told(tmp_path: Path) -> None:
    write_corpus(tmp_path / "a", 3, 0.5)
    before = digests(tmp_path / "a")
    with pytest.raises(UsageError, match="already holds a synthetic corpus: use --force"):
        write_corpus(tmp_path / "a", 2, 0.5)
    assert digests(tmp_path / "a") == before
    (tmp_path / "a" / "bells" / "mine.txt").write_text("kept")
    write_corpus(tmp_path / "a", 2, 0.5, force=True)
    assert len(list((tmp_path / "a" / "bells").glob("*.flac"))) == 2
    assert (tmp_path / "a" / "bells" / "mine.txt").read_text() == "kept"

    write_sound(tmp_path / "b" / "bells" / "bells.00000.flac", 1)
    other = digests(tmp_path / "b")
    for force in (False, True):
        with pytest.raises(UsageError, match="no synthetic corpus: name a new or empty folder"):
            write_corpus(tmp_path / "b", 2, 0.5, force=force)
    assert digests(tmp_path / "b") == other
    with pytest.raises(UsageError, match="is a file"):
        write_corpus(tmp_path / "a" / MARK)


def test_a_failed_corpus_is_removed_and_a_killed_one_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "a"

    def full(target: Path, data: bytes) -> None:
        if target.parent.name == CLASSES[5]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        files.write_bytes(target, data)

    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "write_bytes", full)
        with pytest.raises(OSError, match=f"No space left on device.*{CLASSES[5]}"):
            write_corpus(root, 1, 0.5)
    assert not root.exists()
    write_corpus(root, 3, 0.5, takes=2)
    (root / MARK).write_text((root / MARK).read_text() + synthetic.UNFINISHED)  # as a killed process leaves it
    with pytest.raises(DatasetError, match="a is a synthetic corpus that is not whole: write it again"):
        build_index(root)
    with pytest.raises(UsageError, match="already holds a synthetic corpus that is not whole: use --force"):
        write_corpus(root, 1, 0.5)
    (root / "bells" / ".bells.00000.abc.gtzanet-tmp.flac").touch()
    write_corpus(root, 1, 0.5, force=True)
    write_corpus(tmp_path / "b", 1, 0.5)
    assert digests(root) == digests(tmp_path / "b")


def test_a_full_disk_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    """A limit on the size of files stands for the end of the disk."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); "
        "from toolkit.cli import entry; sys.exit(entry(['synth', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, cwd=Path(synthetic.__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"python -m toolkit: error: .*/a/\w+/\w+\.\d{5}\.flac: File too large\n", done.stderr)
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file/a"):
        write_corpus(tmp_path / "file" / "a", 1, 0.5)


def test_a_failed_corpus_leaves_what_was_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus(tmp_path, 1, 0.5)
    (tmp_path / "bells" / "mine.txt").write_text("kept")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_corpus(tmp_path, 1, 0.5, force=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["bells", "mine.txt"]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 192_000])
def test_a_clip_is_the_same_sound_at_any_rate(rate: int) -> None:
    ours, theirs = (clip("chords", 0, seconds=1.5, rate=value) for value in (rate, 22_050))
    assert ours.shape == (round(1.5 * rate),)
    heard = to_mono_at(to_mono_at(theirs, 22_050, rate), rate, 22_050)[:22_050]
    np.testing.assert_allclose(to_mono_at(ours, rate, 22_050)[:22_050], heard, atol=0.02)
    assert np.abs(theirs).max() > 0.1


def test_takes_are_successive_pieces_of_recordings(tmp_path: Path) -> None:
    write_corpus(tmp_path, 5, 0.5, rate=44_100, takes=2)
    index = build_index(tmp_path)
    assert set(index.counts().values()) == {5} and index.duplicates == ()
    names = [item.name for item in index.items if item.label == "bells"]
    assert names[:3] == [f"bells/bells.0000{place}.flac" for place in ("0-take1", "0-take2", "1-take1")]
    groups = recordings(index.items)
    assert [groups.get(name) for name in names] == ["bells/bells.00000"] * 2 + ["bells/bells.00001"] * 2 + [None]
    pieces = [soundfile.read(tmp_path / name, dtype="float32") for name in names[:2]]
    assert {rate for _, rate in pieces} == {44_100}
    whole = clip("bells", 0, seconds=1.0, rate=44_100)
    np.testing.assert_allclose(np.concatenate([samples for samples, _ in pieces]), whole, atol=1 / 32_768)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clips_per_class": 0}, "0 clips"),
        ({"seconds": 0.0}, "0 seconds"),
        ({"seconds": float("nan")}, "nan seconds"),
        ({"seconds": 1e9}, "use 0.1 to 600"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"rate": 7_999}, "a rate of 7999 Hz cannot be written: use 8000 to 192000"),
        ({"rate": 192_001}, "a rate of 192001 Hz"),
        ({"takes": 0}, "0 takes"),
        ({"takes": 100}, "use 1 to 99"),
        ({"takes": 21, "seconds": 30.0}, "21 takes of a recording cannot be written: .*600 seconds together"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        write_corpus(tmp_path / "a", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_classes_can_be_told_apart_but_clips_differ(tmp_path: Path) -> None:
    """A linear classifier learns the classes from eight clips each; no two pictures are equal.

    It sees how bright, how changeable and how restless each of 18 bands is, not where in time: tempos and patterns
    differ from clip to clip, so that the same classifier on coarse pixels by their places is right far less often.
    """
    write_corpus(tmp_path / "a", 12, 30.0, seed=1)
    index = build_index(tmp_path / "a")
    pictures = load_windows(index, index.items, PICTURE, tmp_path / "cache").values
    inside = pictures[:, INTERIOR[0], INTERIOR[1], 0]
    assert len({picture.tobytes() for picture in inside}) == len(inside)
    bands = inside.reshape(len(inside), 18, 12, -1) / np.float32(255)
    restless = np.abs(np.diff(bands, axis=3)).mean(axis=(2, 3))
    one = np.ones((len(inside), 1))
    features = np.concatenate([bands.mean(axis=(2, 3)), bands.std(axis=3).mean(axis=2), restless, one], axis=1)
    labels = np.array([CLASSES.index(item.label) for item in index.items])
    train = np.arange(len(labels)) % 12 < 8
    scores = features[~train] @ ridge(features[train], np.eye(10)[labels[train]])
    assert (scores.argmax(axis=1) == labels[~train]).mean() >= 0.9


def ridge(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the weights of a linear regression with a small penalty."""
    return np.linalg.solve(features.T @ features + 0.1 * np.eye(features.shape[1]), features.T @ targets)
