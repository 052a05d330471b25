"""What a run reports of its dataset at its start."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.toolkit.trees import picture_tree, write_picture, write_sound
from toolkit.data.splits import Split
from toolkit.data.synthetic import clip
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE
from train import notices
from train.data import Dataset, Part, open_dataset
from train.notices import dataset_notices, fit_notices, imbalance, window_notices


def opened(root: Path, split: str | None) -> Dataset:
    def quiet(*_: Any) -> None:
        return None

    return open_dataset(root, None, split, seed=0, folds=3, fold=0, progress=quiet)


def test_nothing_is_said_of_a_usual_dataset(tmp_path: Path) -> None:
    assert list(dataset_notices(opened(picture_tree(tmp_path), "stratified"), chosen=True)) == []


@pytest.mark.parametrize("name", ["silence", "Unknown"])
def test_the_runtimes_words_are_special(tmp_path: Path, name: str) -> None:
    (sentence,) = dataset_notices(opened(picture_tree(tmp_path, ("hum", name)), "stratified"), chosen=True)
    assert sentence.startswith(f"class {name}: this name is special: ") and sentence.count("\n") == 0


def test_takes_are_counted(tmp_path: Path) -> None:
    for place, label in enumerate(("hum", "tap")):
        for number, take in enumerate(("1-10", "1-10", "1-11", "1-12")):
            write_picture(tmp_path / label / f"{take}{place}-{'AB'[number == 1]}-0.png", 10 * place + number)
    (sentence,) = dataset_notices(opened(tmp_path, "stratified"), chosen=True)
    assert sentence.startswith(
        "recordings: by their names, 4 clips are takes of 2 (hum/1-100-A-0.png, hum/1-100-B-0.png)"
    )
    assert sentence.endswith("and each stays on one side of the split")


def test_parts_are_chosen_and_said_to_be(tmp_path: Path) -> None:
    picture_tree(tmp_path / "train", count=6)
    for place, label in enumerate(("hum", "tap")):
        write_picture(tmp_path / "test" / label / "x.png", 50 + place)
    dataset = opened(tmp_path, None)
    assert dataset.split.name == "folders" and len(dataset.split.test) == 2
    first, second = dataset_notices(dataset, chosen=False)
    assert first.startswith("split folders: the dataset's folders test, train are the parts (--split stratified")
    assert second.startswith("split folders: 4 clips of the training part validate")
    assert list(dataset_notices(opened(tmp_path, "stratified"), chosen=True)) == []


def test_a_split_that_nobody_named_is_said(tmp_path: Path) -> None:
    picture_tree(tmp_path, count=6)
    dataset = opened(tmp_path, None)
    assert dataset.split.name == "held-out"
    (notice,) = dataset_notices(dataset, chosen=False)
    assert notice == "split held-out: 4 clips train, 4 validate and 4 test (--split chooses another)"
    assert list(dataset_notices(opened(tmp_path, "held-out"), chosen=True)) == []


def test_takes_on_two_sides_of_folders_are_warned_of(tmp_path: Path) -> None:
    picture_tree(tmp_path / "train", count=6)
    for part, take, seed in (("train", "A", 50), ("test", "B", 51)):
        write_picture(tmp_path / part / "hum" / f"1-77-{take}-0.png", seed)
    *_, counted, warning = dataset_notices(opened(tmp_path, "folders"), chosen=True)
    assert counted.endswith("2 clips are takes of 1 (test/hum/1-77-B-0.png, train/hum/1-77-A-0.png)")
    assert warning.startswith("recordings: clips that validate or test and have takes in training: 1; ")


def test_equal_files_on_both_sides_and_in_two_classes_are_warned_of(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for place, label in enumerate(("hum", "tap")):
            for number in range(3):
                seed = 100 * (part == "test") + 10 * place + number
                write_picture(tmp_path / part / label / f"{'abc'[number]}{part}.png", seed)
    shutil.copy(tmp_path / "train" / "hum" / "atrain.png", tmp_path / "test" / "hum" / "copy.png")
    shutil.copy(tmp_path / "train" / "hum" / "btrain.png", tmp_path / "train" / "tap" / "copy.png")
    sentences = [text for text in dataset_notices(opened(tmp_path, "folders"), chosen=True) if "duplicates" in text]
    assert sentences == [
        "duplicates: files that validate or test and are in training, too: 1; accuracy is optimistic",
        "duplicates: 1 sets of equal files are in several classes (python -m toolkit dataset lists them)",
    ]


def test_what_sounds_the_same_is_named(tmp_path: Path) -> None:
    for label in ("bells", "chirps"):
        (tmp_path / label).mkdir()
        for number in range(4):
            soundfile.write(tmp_path / label / f"{'abcd'[number]}.wav", clip(label, number, seconds=3), 22_050)
    soundfile.write(tmp_path / "bells" / "z.wav", 0.3 * clip("bells", 0, seconds=3)[22_050:], 22_050)
    same = "bells/a.wav = bells/z.wav at +1.0 s"
    (notice,) = dataset_notices(opened(tmp_path, "held-out"), chosen=True)
    assert notice == (
        f"near-duplicates: pairs of clips that sound the same: 1 ({same}), and each pair is on one side of the split"
    )
    dataset = opened(tmp_path, "stratified")
    torn = Split("stratified", 0, ("bells/a.wav", "chirps/b.wav"), ("bells/z.wav", "chirps/a.wav"), ())
    (notice,) = dataset_notices(replace(dataset, split=torn), chosen=True)
    assert notice == (
        f"near-duplicates: clips that validate or test and sound as one in training: 1 ({same}); accuracy is optimistic"
    )


def test_windows_are_counted_where_a_clip_has_several() -> None:
    clips = np.array([0, 1, 1, 1])
    long = Part(("a", "b"), np.zeros((4, 288, 432, 3), np.uint8), np.zeros(2, np.int32), clips, ("a", "b"))
    short = Part(("a",), long.values[:1], np.zeros(1, np.int32), np.arange(1), ("a",))
    assert list(window_notices({"train": short, "validation": short}, PICTURE)) == []
    (sentence,) = window_notices({"train": long, "validation": short}, PICTURE)
    assert sentence == "windows: 2 clips of train have 4 windows of 30 s (1 MB): all are trained on"


def test_windows_that_do_not_suit_the_clips_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, label in enumerate(("hum", "tap")):
        for number in range(4):
            write_sound(tmp_path / label / f"{'abcd'[number]}.wav", 10 * place + number, 0.5, 16_000)
    dataset, spec = opened(tmp_path, "stratified"), PRESETS["log-mel"]
    (sentence,) = fit_notices(dataset, spec)
    assert sentence == (
        "front end: 8 of 8 clips are shorter than the window of 5 s; one of 0.50 s is followed by 4.5 s of silence: "
        "use --window 0.5"
    )
    assert list(fit_notices(dataset, replace(spec, window_seconds=0.5))) == []
    monkeypatch.setattr(notices, "SAMPLE", 3)
    assert next(fit_notices(dataset, spec)).startswith("front end: 3 of 3 clips")
    assert list(fit_notices(opened(picture_tree(tmp_path / "pictures", count=3), "stratified"), PICTURE)) == []


def test_classes_of_different_sizes_are_weighed(tmp_path: Path) -> None:
    picture_tree(tmp_path, ("hum",), count=8)
    picture_tree(tmp_path, ("tap",), count=5)
    dataset = opened(tmp_path, "stratified")  # a third validates
    assert imbalance(dataset) == "classes: 5 clips of hum and 3 of tap train, so that --class-weights balanced is used"
    assert imbalance(replace(dataset, split=replace(dataset.split, name="paper"))) is None
    even = replace(dataset.split, train=dataset.split.train[1:])
    assert even.train[0].startswith("hum") and imbalance(replace(dataset, split=even)) is None
