"""Near-duplicates: re-encoded clips are found, other clips are not, and nothing is said of what says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from tests.toolkit.sounds import noise
from tests.toolkit.trees import picture_tree
from toolkit.data.dataset import build_index
from toolkit.data.duplicates import Alike, alike_pairs, correlation, fingerprint, near_duplicates
from toolkit.data.folds import joined_groups
from toolkit.data.synthetic import CLASSES, clip

RATE = 44_100
Samples = NDArray[np.floating]


def reencoded(samples: Samples) -> Iterator[tuple[str, Samples, int]]:
    """Yield (name of the file, samples, rate) of a clip at 44,100 Hz at other rates, levels, offsets and formats."""
    yield "22050.wav", soxr.resample(samples, RATE, 22_050), 22_050
    yield "16000.flac", soxr.resample(samples, RATE, 16_000), 16_000
    yield "coded.mp3", samples, RATE
    yield "quiet.wav", samples * 10 ** (-12 / 20), RATE
    yield "late.wav", np.concatenate([np.zeros(round(0.7 * RATE), np.float32), samples])[: len(samples)], RATE
    yield "cut.wav", samples[round(0.7 * RATE) :], RATE
    yield "trimmed.wav", samples[round(0.31 * RATE) : -round(0.5 * RATE)], RATE
    late_and_quiet = soxr.resample(0.25 * samples[round(0.7 * RATE) :], RATE, 16_000)
    yield "all.mp3", late_and_quiet, 16_000


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> tuple[Alike, ...]:
    """Return the pairs among three clips a class, the first of which is there in each encoding."""
    root = tmp_path_factory.mktemp("alike")
    for label in CLASSES:
        (root / label).mkdir()
        for number in range(3):
            samples = soxr.resample(clip(label, number, seconds=5), 22_050, RATE)
            soundfile.write(root / label / f"{number}.original.wav", samples, RATE)
            for name, changed, rate in reencoded(samples) if number == 0 else ():
                soundfile.write(root / label / f"{number}.{name}", changed, rate)
    return near_duplicates(build_index(root, "audio"))


def test_a_reencoded_clip_is_like_its_original(alike: tuple[Alike, ...]) -> None:
    names = [name for name, _, _ in reencoded(np.zeros(RATE, np.float32))]
    pairs = {frozenset((pair.first, pair.second)) for pair in alike}
    missed = [
        f"{label}/0.{name}"
        for label in CLASSES
        for name in names
        if frozenset((f"{label}/0.{name}", f"{label}/0.original.wav")) not in pairs
    ]
    assert len(missed) <= 0.05 * len(CLASSES) * len(names), missed


def test_other_clips_are_not_alike(alike: tuple[Alike, ...]) -> None:
    assert [pair for pair in alike if pair.first.split(".")[0] != pair.second.split(".")[0]] == []


def test_the_offset_is_where_the_second_begins(alike: tuple[Alike, ...]) -> None:
    """A file that begins 0.7 s later starts 0.7 s into the other."""
    offsets = {(pair.first, pair.second): pair.seconds for pair in alike}
    offsets |= {(pair.second, pair.first): -pair.seconds for pair in alike}
    for name, seconds in (("cut.wav", 0.7), ("late.wav", -0.7), ("quiet.wav", 0.0), ("trimmed.wav", 0.31)):
        for label in CLASSES:
            offset = offsets[f"{label}/0.original.wav", f"{label}/0.{name}"]
            assert offset == pytest.approx(seconds, abs=0.05), (label, name)


@pytest.mark.gtzan
def test_real_clips_are_not_alike_but_to_a_copy(gtzan_root: Path) -> None:
    index = build_index(gtzan_root, "audio")
    few = replace(index, items=tuple(item for item in index.items if int(item.track[-5:]) < 5))
    assert len(few.items) >= 20
    assert near_duplicates(few) == ()


@pytest.mark.gtzan
def test_a_real_clip_is_like_its_copy(gtzan_root: Path, tmp_path: Path) -> None:
    index = build_index(gtzan_root, "audio")
    for label in ("jazz", "metal"):
        (tmp_path / label).mkdir()
        item = next(item for item in index.items if item.label == label)
        samples, rate = soundfile.read(index.path(item), dtype="float32")
        soundfile.write(tmp_path / label / "a.wav", samples, rate)
        soundfile.write(tmp_path / label / "b.mp3", soxr.resample(0.3 * samples[2 * rate :], rate, 16_000), 16_000)
    pairs = near_duplicates(build_index(tmp_path))
    assert [(pair.first, pair.second) for pair in pairs] == [
        ("jazz/a.wav", "jazz/b.mp3"),
        ("metal/a.wav", "metal/b.mp3"),
    ]
    assert all(pair.seconds == pytest.approx(2.0, abs=0.08) for pair in pairs)


def test_the_same_bits_are_not_enough() -> None:
    """A waveform that is shifted in its phases alone has the same energies, and is another sound."""
    samples = noise(1, 5.0)
    other = np.fft.irfft(np.abs(np.fft.rfft(samples)) * np.exp(1j * np.random.default_rng(0).uniform(0, 6.3, 55126)))
    assert correlation(samples, samples, 0) == pytest.approx(1)
    assert correlation(samples, -samples[500:], 500) > 0.9
    assert correlation(samples, other[: len(samples)].astype(np.float32), 0) < 0.2


@pytest.mark.parametrize("samples", [np.zeros(40_000), np.zeros(100), np.zeros(0), np.full(40_000, 0.1)])
def test_silence_is_like_nothing(samples: NDArray[np.float64]) -> None:
    words = fingerprint(samples.astype(np.float32))
    assert list(alike_pairs([words, words])) == []


def test_digital_silence_around_a_sound_does_not_count() -> None:
    sounds = [np.concatenate([np.zeros(30_000, np.float32), noise(seed, 0.5)]) for seed in (1, 2)]
    assert list(alike_pairs([fingerprint(sound) for sound in sounds])) == []


def test_equal_files_pictures_and_stated_groups_are_left_out(tmp_path: Path) -> None:
    assert near_duplicates(build_index(picture_tree(tmp_path / "pictures"))) == ()
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(2):
            soundfile.write(tmp_path / label / f"x{number}.wav", clip("bells", 1, seconds=3), 22_050)
        soundfile.write(tmp_path / label / "y.wav", 0.5 * clip("bells", 1, seconds=3), 22_050)
    (tmp_path / "pictures").rename(tmp_path.parent / f"{tmp_path.name}-pictures")
    index = build_index(tmp_path)
    (pair,) = near_duplicates(index)
    assert str(pair) == "a/x0.wav = a/y.wav at +0.0 s"
    assert len(joined_groups(index, (pair,))) == 1
    assert near_duplicates(build_index(tmp_path, group_by="[xy]")) == ()
