"""Sounds of none of the classes, as one more class."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.toolkit.trees import picture_tree, sound_tree, write_sound
from toolkit.data.dataset import Index, build_index
from toolkit.data.features import load_windows
from toolkit.data.negatives import with_negatives
from toolkit.data.splits import make_split
from toolkit.errors import DatasetError, UsageError
from toolkit.files import file_digest
from toolkit.frontend.presets import PRESETS


@pytest.fixture
def sounds(tmp_path: Path) -> Index:
    """Return the index of two classes of eight sounds."""
    return build_index(sound_tree(tmp_path / "sounds", count=8))


@pytest.fixture
def folder(sounds: Index, tmp_path: Path) -> Path:
    """Return a folder of twelve sounds at several depths, one of them one of the dataset's, and other files."""
    for number in range(10):
        write_sound(tmp_path / "street" / "day" / f"{number // 2}_{'ab'[number % 2]}.wav", 5000 + number)
    write_sound(tmp_path / "street" / "rain.flac", 5100)
    shutil.copy(sounds.root / "hum" / "000.wav", tmp_path / "street" / "copy.wav")
    (tmp_path / "street" / "day" / "notes.txt").write_text("text")
    (tmp_path / "street" / "broken.wav").write_text("text")
    return tmp_path / "street"


def test_a_folder_becomes_a_class(sounds: Index, folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    index = with_negatives(sounds, folder, progress=lambda done, total: seen.append((done, total)))
    assert index.classes == ("background", "hum", "tap") and index.counts() == {"background": 12, "hum": 8, "tap": 8}
    assert index.items[:16] == sounds.items and seen[-1] == (14, 14)
    for item in index.items:
        assert index.path(item).is_file() and file_digest(index.path(item)) == item.digest
    assert index.by_name["background/day/3_b.wav"].label == "background"
    assert index.path(index.by_name["background/rain.flac"]) == folder / "rain.flac"
    assert index.duplicates == (("hum/000.wav", "background/copy.wav"),)
    assert [bad.name for bad in index.bad] == ["background/broken.wav", "background/day/notes.txt"]
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert with_negatives(sounds, moved).digest == index.digest != sounds.digest
    windows = load_windows(index, index.items, PRESETS["log-mel"], tmp_path / "cache")
    np.testing.assert_array_equal(windows.clips, np.arange(28))
    np.testing.assert_array_equal(windows.values[0], windows.values[list(index.by_name).index("background/copy.wav")])
    assert set(replace(index, items=index.items[20:]).counts()) == set(index.classes)


def test_takes_of_a_negative_stay_together(sounds: Index, folder: Path) -> None:
    split = make_split("stratified", with_negatives(sounds, folder), folds=4)
    sides = {name: name in split.validation for name in (*split.train, *split.validation)}
    for number in range(5):
        assert sides[f"background/day/{number}_a.wav"] == sides[f"background/day/{number}_b.wav"]
    assert sides["hum/000.wav"] == sides["background/copy.wav"]


def test_negatives_are_spread_over_stated_parts(folder: Path, tmp_path: Path) -> None:
    for part, count in (("train", 6), ("val", 3), ("test", 3)):
        sound_tree(tmp_path / "parts" / part, count=count)
    for number in range(200):
        write_sound(folder / "many" / f"noise{number}.wav", 6000 + number, 0.01)
    index = with_negatives(build_index(tmp_path / "parts"), folder)
    split = make_split("folders", index)
    counts = Counter(
        part for part in ("train", "validation", "test") for name in getattr(split, part) if "many" in name
    )
    assert counts.total() == 200
    assert counts["train"] == pytest.approx(100, abs=25) and counts["test"] == pytest.approx(50, abs=25)
    assert counts == Counter(item.part for item in index.items if "many" in item.name)
    assert with_negatives(build_index(tmp_path / "parts"), folder).items == index.items


def test_negatives_of_a_grouped_dataset_have_groups(folder: Path, tmp_path: Path) -> None:
    tree = sound_tree(tmp_path / "grouped", count=8)
    index = with_negatives(build_index(tree, group_by=r"/00([0-3])"), folder)
    groups = {item.name: item.group for item in index.items}
    assert all(groups.values())
    assert groups["background/day/1_a.wav"] == groups["background/day/1_b.wav"] != groups["background/day/2_a.wav"]


def test_refusals(sounds: Index, folder: Path, tmp_path: Path) -> None:
    for there, error, message in (
        (tmp_path / "none", UsageError, "none is no folder: name one that holds sounds"),
        (sounds.root / "hum", UsageError, "lie in one another"),
        (tmp_path, UsageError, "lie in one another"),
        (sounds.root, UsageError, "lie in one another"),
    ):
        with pytest.raises(error, match=message):
            with_negatives(sounds, there)
    with pytest.raises(DatasetError, match="has a class hum already"):
        with_negatives(sounds, folder, "hum")
    with pytest.raises(DatasetError, match="classes tap and Tap differ in case only"):
        with_negatives(sounds, folder, "Tap")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="empty holds no audio file that can be read: name a folder"):
        with_negatives(sounds, tmp_path / "empty")
    (tmp_path / "empty" / "a.wav").write_text("text")
    with pytest.raises(DatasetError, match=r"empty holds no audio file that can be read \(background/a.wav: not a so"):
        with_negatives(sounds, tmp_path / "empty")
    with pytest.raises(DatasetError, match="holds pictures, .*: use --kind audio"):
        with_negatives(build_index(picture_tree(tmp_path / "pictures")), folder)
