"""Indexing folders: what is indexed, what is reported, what is refused."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.toolkit.trees import picture_tree, pixels, sound_tree, write_picture, write_sound
from toolkit.data.dataset import GENRES, BadFile, Index, build_index, track_of
from toolkit.data.folder_tree import PART_NAMES
from toolkit.errors import DatasetError

DUPLICATES = {
    ("disco", 98, "disco", 99),
    ("hiphop", 39, "hiphop", 45),
    ("hiphop", 76, "hiphop", 78),
    ("metal", 34, "metal", 94),
    ("metal", 40, "metal", 61),
    ("metal", 41, "metal", 62),
    ("metal", 42, "metal", 63),
    ("metal", 43, "metal", 64),
    ("metal", 44, "metal", 65),
    ("metal", 45, "metal", 66),
    ("metal", 58, "rock", 16),
    ("pop", 54, "pop", 60),
    ("pop", 67, "pop", 71),
    ("reggae", 81, "reggae", 82),
}


@pytest.fixture(scope="module")
def pictures(gtzan_root: Path) -> Index:
    """Return the index of GTZAN's pictures."""
    return build_index(gtzan_root)


def reason(bad: tuple[BadFile, ...], name: str) -> str:
    """Return why a file is bad."""
    (only_reason,) = [file.reason for file in bad if file.name == name]
    return only_reason


@pytest.mark.gtzan
def test_gtzan_pictures(pictures: Index) -> None:
    index = pictures
    assert index.kind == "pictures"
    assert index.classes == GENRES
    assert index.is_gtzan
    assert index.counts() == {genre: 99 if genre == "jazz" else 100 for genre in GENRES}
    assert index.bad == ()
    assert len({item.track for item in index.items}) == 999
    assert "jazz.00054" not in {item.track for item in index.items}
    expected = {(f"{a}/{a}{i:05}.png", f"{b}/{b}{j:05}.png") for a, i, b, j in DUPLICATES}
    assert set(index.duplicates) == expected


@pytest.mark.gtzan
def test_gtzan_sounds(gtzan_root: Path) -> None:
    index = build_index(gtzan_root, "audio")
    assert index.kind == "audio"
    assert index.is_gtzan
    assert index.bad == ()
    assert set(index.counts()) == set(GENRES)
    assert all(item.track == Path(item.name).stem for item in index.items)


@pytest.mark.gtzan
@pytest.mark.slow
def test_equal_files_are_all_the_equal_pictures(pictures: Index) -> None:
    """Comparing decoded pixels finds no pair that comparing files does not."""
    groups: dict[bytes, list[str]] = {}
    for item in pictures.items:
        with Image.open(pictures.path(item)) as image:
            groups.setdefault(hashlib.sha256(np.asarray(image).tobytes()).digest(), []).append(item.name)
    assert {tuple(names) for names in groups.values() if len(names) > 1} == set(pictures.duplicates)


@pytest.mark.gtzan
@pytest.mark.slow
def test_order_is_that_of_keras(pictures: Index) -> None:
    keras = pytest.importorskip("tf_keras")
    paths = keras.utils.image_dataset_from_directory(str(pictures.root), shuffle=False).file_paths
    assert [str(pictures.path(item)) for item in pictures.items] == paths


@pytest.mark.parametrize(
    ("label", "name", "track"),
    [
        ("blues", "blues/blues00012.png", "blues.00012"),
        ("blues", "blues/blues.00012.wav", "blues.00012"),
        ("blues", "blues/blues.00012.3.wav", "blues.00012"),
        ("blues", "blues/blues.000123.wav", "blues/blues.000123"),
        ("blues", "blues/rock.00012.wav", "blues/rock.00012"),
        ("hum", "hum/hum.00012.wav", "hum/hum.00012"),
        ("hum", "hum/disc one/07.flac", "hum/disc one/07"),
    ],
)
def test_track_of(label: str, name: str, track: str) -> None:
    assert track_of(label, name) == track


def test_any_tree_of_pictures(tmp_path: Path) -> None:
    picture_tree(tmp_path, ("tap", "Hum", "ring"))
    write_picture(tmp_path / "tap" / "more" / "x.png", 5)
    index = build_index(tmp_path)
    assert (index.kind, index.classes, index.is_gtzan) == ("pictures", ("Hum", "ring", "tap"), False)
    assert [item.name for item in index.items if item.label == "tap"] == [
        "tap/000.png",
        "tap/001.png",
        "tap/002.png",
        "tap/more/x.png",
    ]
    assert index.duplicates == ()
    assert index.counts() == {"Hum": 3, "ring": 3, "tap": 4}


def test_any_tree_of_sounds(tmp_path: Path) -> None:
    sound_tree(tmp_path)
    write_sound(tmp_path / "tap" / "loud.FLAC", 4, rate=44_100)
    index = build_index(tmp_path)
    assert index.kind == "audio"
    assert [item.track for item in index.items] == ["hum/000", "hum/001", "tap/000", "tap/001", "tap/loud"]


def test_a_relative_root_is_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture_tree(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    index = build_index("data")
    monkeypatch.chdir("/")
    assert all(index.path(item).is_file() for item in index.items)


def test_digest_follows_content_not_place(tmp_path: Path) -> None:
    picture_tree(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    first, second = build_index(tmp_path / "a"), build_index(tmp_path / "b")
    assert first.digest == second.digest
    assert first.items == second.items
    write_picture(tmp_path / "b" / "hum" / "000.png", 77)
    assert build_index(tmp_path / "b").digest != first.digest
    (tmp_path / "a" / "hum" / "000.png").rename(tmp_path / "a" / "hum" / "0.png")
    assert build_index(tmp_path / "a").digest != first.digest


def test_unusable_pictures_are_reported_by_name(tmp_path: Path) -> None:
    folder = picture_tree(tmp_path) / "hum"
    whole = (folder / "000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("not a picture")
    write_picture(folder / "large.png", 9, (576, 864))
    Image.fromarray(pixels(3)).save(folder / "photo.jpg")
    (folder / "lost.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(folder / "pipe.png")
    index = build_index(tmp_path)
    assert index.counts() == {"hum": 3, "tap": 3}
    assert {Path(file.name).name for file in index.bad} == {
        "cut.png",
        "empty.png",
        "text.png",
        "large.png",
        "photo.jpg",
        "lost.png",
        "pipe.png",
    }
    assert "864 x 576" in reason(index.bad, "hum/large.png")
    assert "432 x 288" in reason(index.bad, "hum/large.png")
    assert "truncated" in reason(index.bad, "hum/cut.png")
    assert ".png" in reason(index.bad, "hum/photo.jpg")
    assert reason(index.bad, "hum/lost.png") == "a broken link"
    assert reason(index.bad, "hum/pipe.png") == "not a regular file"
    assert all(str(tmp_path) not in file.reason for file in index.bad)


def test_unusable_sounds_are_reported_by_name(tmp_path: Path) -> None:
    """GTZAN's own jazz.00054 is a WAV file whose content is no sound."""
    for label in ("blues", "jazz"):
        write_sound(tmp_path / "genres_original" / label / f"{label}.00000.wav", len(label))
    folder = tmp_path / "genres_original" / "jazz"
    (folder / "jazz.00054.wav").write_bytes(np.random.default_rng(0).bytes(4000))
    (folder / "jazz.00055.wav").touch()
    soundfile.write(folder / "jazz.00056.wav", np.zeros(0), 22_050)
    whole = write_sound(folder / "jazz.00057.flac", 7).read_bytes()
    (folder / "jazz.00057.flac").write_bytes(whole[: len(whole) // 2])
    soundfile.write(folder / "jazz.00058.wav", np.array([0.1, np.nan]), 22_050, "FLOAT")
    index = build_index(tmp_path)
    assert index.counts() == {"blues": 1, "jazz": 1}
    assert [file.name for file in index.bad] == [
        "jazz/jazz.00054.wav",
        "jazz/jazz.00055.wav",
        "jazz/jazz.00056.wav",
        "jazz/jazz.00057.flac",
        "jazz/jazz.00058.wav",
    ]
    assert all(file.reason for file in index.bad)
    assert "NaN" in reason(index.bad, "jazz/jazz.00058.wav")


def test_a_link_to_itself_is_reported(tmp_path: Path) -> None:
    picture_tree(tmp_path)
    before = build_index(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    index = build_index(tmp_path)
    assert (index.classes, index.items) == (before.classes, before.items)
    assert "symbolic links" in reason(index.bad, "loop")


def test_a_name_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    picture_tree(tmp_path)
    shutil.copy(tmp_path / "hum" / "000.png", os.fsdecode(os.fsencode(tmp_path / "hum") + b"/\xff.png"))
    index = build_index(tmp_path)
    assert index.bad == (BadFile("hum/?.png", "its name is not UTF-8: rename it"),)


def test_folders_that_are_not_read_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture_tree(tmp_path / "tree")
    picture_tree(tmp_path / "other")
    (tmp_path / "tree" / "hum" / "more").symlink_to(tmp_path / "other" / "hum")
    assert build_index(tmp_path / "tree").bad == (BadFile("hum/more", "a link to a folder, which is not followed"),)
    (tmp_path / "tree" / "hum" / "more").unlink()
    closed = tmp_path / "tree" / "hum" / "closed"
    closed.mkdir()
    scandir = os.scandir

    def denied(path: str | Path) -> object:
        if Path(path) == closed:  # root may read anything, so that a mode does not close it
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert build_index(tmp_path / "tree").bad == (BadFile("hum/closed", "cannot be read"),)


@pytest.mark.parametrize(
    "name", [" ", "new\nline", "tab\tcode", "x" * 201, os.fsdecode(b"b\xffb"), "\u200d", "a\u202eb"]
)
def test_a_folder_whose_name_can_be_no_label_is_refused(tmp_path: Path, name: str) -> None:
    picture_tree(tmp_path)
    (tmp_path / "hum").rename(tmp_path / name)
    with pytest.raises(DatasetError, match=r"\(the folders' names are the labels\): label .* rename it"):
        build_index(tmp_path)


@pytest.mark.parametrize("name", ["می\u200cخواهم", "क्\u200dष", "👨\u200d👩\u200d👧"])
def test_zero_width_joiners_are_text(tmp_path: Path, name: str) -> None:
    picture_tree(tmp_path)
    (tmp_path / "hum").rename(tmp_path / name)
    assert name in build_index(tmp_path).classes


@pytest.mark.parametrize("folders", [("train", "test"), ("Training", "validation", "testing"), ("train", "val")])
def test_folders_of_parts_hold_the_classes(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        picture_tree(tmp_path / folder)
    write_picture(tmp_path / folders[1] / "ring" / "a.png", 5)
    (tmp_path / "extra").mkdir()
    index = build_index(tmp_path)
    assert index.classes == ("hum", "ring", "tap")
    assert index.counts() == {"hum": 3 * len(folders), "ring": 1, "tap": 3 * len(folders)}
    assert dict(index.parts) == {folder: PART_NAMES[folder.lower()] for folder in folders}
    assert index.by_name[f"{folders[0]}/tap/000.png"].label == "tap"
    assert [file.name for file in index.bad] == ["extra"]


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    """Where they hold files and no folders, or no other part is there, they are classes."""
    assert build_index(picture_tree(tmp_path / "a", ("test", "train"))).parts == ()
    picture_tree(tmp_path / "b", ("bus", "train"))
    write_picture(tmp_path / "b" / "train" / "freight" / "x.png", 5)
    index = build_index(tmp_path / "b")
    assert (index.classes, index.parts) == (("bus", "train"), ())


def test_litter_is_ignored(tmp_path: Path) -> None:
    picture_tree(tmp_path)
    before = build_index(tmp_path)
    for name in ("._000.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "hum" / name).write_bytes(b"x")
    for name in (".git", "__MACOSX"):
        write_picture(tmp_path / name / "a.png", 1)
    write_picture(tmp_path / "hum" / ".cache" / "a.png", 1)
    (tmp_path / "README.txt").write_text("x")
    assert build_index(tmp_path) == before


def test_equal_files_are_found_across_classes(tmp_path: Path) -> None:
    picture_tree(tmp_path)
    shutil.copy(tmp_path / "hum" / "001.png", tmp_path / "tap" / "copy.png")
    shutil.copy(tmp_path / "hum" / "001.png", tmp_path / "tap" / "again.png")
    assert build_index(tmp_path).duplicates == (("hum/001.png", "tap/again.png", "tap/copy.png"),)


def test_kind_decides_between_pictures_and_sounds(tmp_path: Path) -> None:
    sound_tree(picture_tree(tmp_path))
    with pytest.raises(DatasetError, match="both 6 pictures and 4 audio files: use --kind pictures or --kind audio"):
        build_index(tmp_path)
    for kind, count in (("pictures", 6), ("audio", 4)):
        index = build_index(tmp_path, kind)
        assert (index.kind, len(index.items), index.bad) == (kind, count, ())


def test_progress_counts_every_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    build_index(picture_tree(tmp_path), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_refusals(tmp_path: Path) -> None:
    def refused(root: Path, message: str, kind: str | None = None) -> None:
        with pytest.raises(DatasetError, match=message):
            build_index(root, kind)

    refused(tmp_path / "nowhere", "nowhere does not exist")
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "file is not a folder")
    (tmp_path / "bare").mkdir()
    refused(tmp_path / "bare", "has no class folders")
    refused(picture_tree(tmp_path / "one", ("hum",)), r"one class only \(hum\)")
    refused(tmp_path / "one", "kind 'video' is unknown", "video")
    empty = picture_tree(tmp_path / "empty")
    (empty / "ring").mkdir()
    refused(empty, "class ring in .* has no usable pictures")
    (empty / "ring" / "a.png").write_text("x")
    refused(empty, "class ring .*bad files: 1; ring/a.png: .*picture")
    refused(empty, "class hum .* has no usable audio", "audio")
    for label in ("hum", "tap"):
        (tmp_path / "texts" / label).mkdir(parents=True)
        (tmp_path / "texts" / label / "a.txt").write_text("x")
    refused(tmp_path / "texts", "holds no audio files and no PNG pictures")


def test_guesses_which_folder_was_meant(tmp_path: Path) -> None:
    picture_tree(tmp_path / "Data" / "images_original")
    with pytest.raises(DatasetError, match="did you mean .*Data"):
        build_index(tmp_path)
    with pytest.raises(DatasetError, match="has no genres_original: use --kind pictures"):
        build_index(tmp_path / "Data", "audio")
    assert build_index(tmp_path / "Data").counts() == {"hum": 3, "tap": 3}
