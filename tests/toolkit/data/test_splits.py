"""Splits: the paper's, the published lists', and folds that never share a track."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolkit.trees import picture_tree, write_picture
from toolkit.data.dataset import GENRES, Index, Item, build_index
from toolkit.data.duplicates import Alike
from toolkit.data.splits import Split, default_split, make_split
from toolkit.errors import DatasetError

PAPER_COUNTS = dict(zip(GENRES, (22, 18, 27, 22, 17, 17, 18, 28, 16, 14), strict=True))


@pytest.fixture(scope="module")
def pictures(gtzan_root: Path) -> Index:
    """Return the index of GTZAN's pictures."""
    return build_index(gtzan_root)


def fake_index(items: list[tuple[str, str, str]], root: str = "/nowhere") -> Index:
    """Return an index of (label, track, digest) without files."""
    fake_items = [
        Item(f"{label}/{place}.png", label, track, digest) for place, (label, track, digest) in enumerate(items)
    ]
    classes = tuple(sorted({item.label for item in fake_items}))
    return Index(Path(root), "pictures", classes, tuple(fake_items), (), ())


def gtzan_index(root: str = "/nowhere") -> Index:
    """Return an index of GTZAN's 999 names without files."""
    names = [(genre, number) for genre in GENRES for number in range(100) if (genre, number) != ("jazz", 54)]
    items = tuple(Item(f"{g}/{g}{n:05}.png", g, f"{g}.{n:05}", f"{g}{n}") for g, n in names)
    return Index(Path(root), "pictures", GENRES, items, (), ())


def label_counts(index: Index, names: tuple[str, ...]) -> dict[str, int]:
    """Count the classes of items."""
    return dict(Counter(index.by_name[name].label for name in names))


def test_paper_split_has_the_known_counts() -> None:
    index = gtzan_index()
    split = make_split("paper", index)
    assert (len(split.train), len(split.validation), split.test) == (800, 199, ())
    assert label_counts(index, split.validation) == PAPER_COUNTS
    assert split.missing == ()
    assert split.seed == 12345


@pytest.mark.gtzan
@pytest.mark.slow
def test_paper_split_is_what_keras_makes(pictures: Index) -> None:
    keras = pytest.importorskip("tf_keras")
    folder = pictures.root
    split = make_split("paper", pictures)
    for subset, names in (("training", split.train), ("validation", split.validation)):
        theirs = keras.utils.image_dataset_from_directory(
            str(folder), validation_split=0.2, subset=subset, seed=12345, image_size=(288, 432)
        )
        assert [Path(path).relative_to(folder).as_posix() for path in theirs.file_paths] == list(names)
        assert tuple(theirs.class_names) == pictures.classes


def test_paper_split_of_a_part_of_gtzan_says_what_is_missing() -> None:
    whole = gtzan_index()
    gone = whole.items[7]
    part = Index(whole.root, whole.kind, whole.classes, tuple(i for i in whole.items if i != gone), (), ())
    split, full = make_split("paper", part), make_split("paper", whole)
    assert split.missing == (gone.track,)
    assert split.train == tuple(name for name in full.train if name != gone.name)
    assert split.validation == tuple(name for name in full.validation if name != gone.name)
    assert split.digest != full.digest
    few = Index(whole.root, whole.kind, whole.classes, whole.items[::20], (), ())
    with pytest.raises(DatasetError, match=r"split paper: 9.. of its 999 tracks are not in .*--split held-out"):
        make_split("paper", few)


@pytest.mark.gtzan
def test_fault_filtered_split(pictures: Index) -> None:
    split = make_split("fault-filtered", pictures)
    assert (len(split.train), len(split.validation), len(split.test)) == (442, 197, 290)
    assert split.missing == ("jazz.00054",)
    for part, name in ((split.train, "train"), (split.validation, "valid"), (split.test, "test")):
        lines = (pictures.root.parent / "splits" / f"{name}_filtered.txt").read_text().split()
        assert len(lines) - (name == "train") == len(part)
        assert {pictures.by_name[item].track for item in part} <= {Path(line).stem for line in lines}


@pytest.mark.gtzan
@pytest.mark.parametrize("name", ["paper", "fault-filtered", "stratified"])
def test_no_split_of_gtzan_shares_a_track(pictures: Index, name: str) -> None:
    split = make_split(name, pictures)
    tracks = [{pictures.by_name[item].track for item in part} for part in (split.train, split.validation, split.test)]
    assert sum(map(len, tracks)) == len(set.union(*tracks)) > 900
    if name == "stratified":
        for names in pictures.duplicates:
            assert len({item in split.train for item in names}) == 1


def test_fault_filtered_needs_its_lists(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cannot read .*splits.train_filtered.txt"):
        make_split("fault-filtered", gtzan_index(str(tmp_path / "images_original")))


@pytest.mark.parametrize("name", ["paper", "fault-filtered"])
def test_published_splits_are_for_gtzan_only(name: str) -> None:
    with pytest.raises(DatasetError, match="GTZAN only .* use --split held-out"):
        make_split(name, fake_index([("a", "a1", "1"), ("b", "b1", "2")]))


def test_published_splits_refuse_a_gtzan_without_their_tracks() -> None:
    whole = gtzan_index()
    kept = set(make_split("paper", whole).train)
    part = Index(whole.root, whole.kind, whole.classes, tuple(i for i in whole.items if i.name in kept), (), ())
    with pytest.raises(DatasetError, match="no validation items"):
        make_split("paper", part)


groups = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200)), min_size=40, max_size=150)


@given(groups, st.integers(0, 2**40), st.integers(2, 5))
def test_folds_never_share_a_track_or_a_file(members: list[tuple[int, int]], seed: int, folds: int) -> None:
    """Each item is of one of 41 tracks (a track is of one class) and one of 201 contents."""
    drawn_items = [("abc"[track % 3], str(track), str(digest)) for track, digest in members]
    base = [(label, f"own {label}{place}", f"own {label}{place}") for label in "abc" for place in range(5)]
    index = fake_index(drawn_items + base)
    splits = [make_split("stratified", index, seed=seed, folds=folds, fold=fold) for fold in range(folds)]
    validated = Counter(name for split in splits for name in split.validation)
    assert validated == Counter(item.name for item in index.items)
    for split in splits:
        assert sorted(split.train + split.validation) == sorted(index.by_name)
        for key in ("track", "digest"):
            train, validation = (
                {getattr(index.by_name[name], key) for name in part} for part in (split.train, split.validation)
            )
            assert not train & validation
        assert set(label_counts(index, split.train)) == set("abc")


def test_folds_are_even() -> None:
    index = gtzan_index()
    for fold in range(5):
        split = make_split("stratified", index, folds=5, fold=fold)
        assert set(label_counts(index, split.validation).values()) <= {19, 20}
        assert len(split.validation) in {199, 200}


def test_seed_and_nothing_else_decides_the_folds() -> None:
    index = gtzan_index()
    first = make_split("stratified", index, seed=1)
    assert make_split("stratified", index, seed=1) == first
    assert make_split("stratified", index, seed=2).validation != first.validation
    # Known digest: the folds must stay what they are on every machine and release.
    assert first.digest == "53974adebdfa47b53aeea6bec4f77bb1e21ad940c3f2fc3d1638a3eec3134668"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "1 folds cannot"),
        ({"folds": 3, "fold": 3}, "numbered 0 to 2"),
        ({"folds": 3, "fold": -1}, "fold -1 does not exist"),
        ({"folds": 4}, r"class a has 3 separate recordings \(.*\), too few for 4 folds: add files, or use --folds 3"),
    ],
)
def test_stratified_refusals(arguments: dict[str, Any], message: str) -> None:
    index = fake_index([(label, f"{label}{n}", f"{label}{n}") for label in "ab" for n in range(3)])
    with pytest.raises(DatasetError, match=message):
        make_split("stratified", index, **arguments)


def test_unknown_split_is_refused() -> None:
    with pytest.raises(DatasetError, match="split 'random' is unknown: use one of paper"):
        make_split("random", gtzan_index())


def test_split_survives_json() -> None:
    split = make_split("paper", gtzan_index())
    again = Split.from_dict(json.loads(json.dumps(split.to_dict())))
    assert again == split
    assert again.digest == split.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": None}, "train"),
        ({"extra": 1}, "extra"),
        ({"seed": "x"}, "seed"),
        ({"seed": True}, "seed"),
        ({"name": 3}, "name"),
        ({"test": [1]}, "test"),
        ({"test": ["a"]}, "uses a more than once"),
        ({"train": []}, "no training items"),
    ],
)
def test_malformed_splits_are_refused(change: dict[str, object], message: str) -> None:
    value = {"name": "x", "seed": None, "train": ["a"], "validation": ["b"], "test": [], "missing": []}
    assert Split.from_dict(value).train == ("a",)
    with pytest.raises(DatasetError, match=message):
        Split.from_dict({**value, **change})
    with pytest.raises(DatasetError, match="missing"):
        Split.from_dict({key: part for key, part in value.items() if key != "validation"})


def test_real_tree_with_equal_files_keeps_them_together(tmp_path: Path) -> None:
    picture_tree(tmp_path, count=4)
    write_picture(tmp_path / "tap" / "copy.png", 0)
    index = build_index(tmp_path)
    assert index.duplicates == (("hum/000.png", "tap/copy.png"),)
    for fold in range(4):
        split = make_split("stratified", index, folds=4, fold=fold)
        assert ("hum/000.png" in split.train) == ("tap/copy.png" in split.train)


def named_index(*names: str, parts: tuple[tuple[str, str], ...] = ()) -> Index:
    """Return an index of files by their names, class/file or part/class/file, without files."""
    part_of = dict(parts)
    items = tuple(
        Item(f"{name}.wav", name.split("/")[-2], name, name, part=part_of.get(name.split("/")[0], "")) for name in names
    )
    return Index(Path("/nowhere"), "audio", tuple(sorted({item.label for item in items})), items, (), (), parts)


def test_takes_of_a_recording_stay_on_one_side() -> None:
    names = [f"{label}/{fold}-{source}-{take}-0" for label in "ab" for fold in range(1, 6)
             for source in (f"{fold}{ord(label)}1", f"{fold}{ord(label)}2") for take in "AB"]  # fmt: skip
    validated: Counter[str] = Counter()
    for fold in range(5):
        split = make_split("stratified", named_index(*names), fold=fold)
        sides = [{name.split("-")[1] for name in part} for part in (split.train, split.validation)]
        assert not sides[0] & sides[1]
        assert label_counts(named_index(*names), split.validation) == {"a": 4, "b": 4}
        validated.update(split.validation)
    assert set(validated.values()) == {1} and len(validated) == len(names)


def test_too_few_recordings_are_refused_with_the_folds_that_work() -> None:
    index = named_index(
        *(f"{label}/concert{number}_{take}" for label in "ab" for number in (1, 2) for take in range(9))
    )
    with pytest.raises(DatasetError, match=r"class a has 2 separate recordings .* or use --folds 2"):
        make_split("stratified", index)
    split = make_split("stratified", index, folds=2)
    assert len({name.partition("_")[0] for name in split.validation}) == 2


PARTS = (("Training", "train"), ("val", "validation"), ("test", "test"))
FILES = [f"{folder}/{label}/{n}" for folder, _ in PARTS for label in "ab" for n in range(6)]


def test_folders_are_the_parts() -> None:
    split = make_split("folders", named_index(*FILES, parts=PARTS))
    for part, folder in ((split.train, "Training/"), (split.validation, "val/"), (split.test, "test/")):
        assert len(part) == 12 and all(name.startswith(folder) for name in part)
    assert split.seed is None
    everything = make_split("stratified", named_index(*FILES, parts=PARTS))
    assert {*everything.train, *everything.validation} == {f"{name}.wav" for name in FILES}


def test_a_fold_of_training_validates_where_no_folder_does() -> None:
    files = [name for name in FILES if not name.startswith("val")]
    index = named_index(*files, parts=(PARTS[0], PARTS[2]))
    split = make_split("folders", index, seed=3)
    assert {name.split("/")[0] for name in (*split.train, *split.validation)} == {"Training"}
    assert len(split.test) == 12 and len(split.train) + len(split.validation) == 12
    assert set(label_counts(index, split.validation)) == {"a", "b"} and split.seed == 3
    assert make_split("folders", index, seed=4).validation != split.validation


def test_folders_needs_parts_and_training_files_of_each_class() -> None:
    with pytest.raises(DatasetError, match="holds no folders train and test: use --split held-out"):
        make_split("folders", named_index("a/1", "b/1"))
    with pytest.raises(DatasetError, match="class c in /nowhere has no training files"):
        make_split("folders", named_index(*FILES, "test/c/1", parts=PARTS))


@given(st.integers(0, 2**31 - 1), st.lists(st.integers(3, 60), min_size=2, max_size=4))
def test_held_out_has_three_parts_of_each_class(seed: int, counts: list[int]) -> None:
    names = [f"{'abcd'[place]}/s{number}" for place, count in enumerate(counts) for number in range(count)]
    index = named_index(*names)
    split = make_split("held-out", index, seed=seed)
    for part in (split.train, split.validation, split.test):
        assert set(label_counts(index, part)) == set(index.classes)
    assert sorted((*split.train, *split.validation, *split.test)) == sorted(index.by_name)
    assert make_split("held-out", index, seed=seed) == split


def test_each_file_is_tested_once_in_all_folds() -> None:
    index = named_index(*(f"{label}/s{number}" for label in "ab" for number in range(10)))
    splits = [make_split("held-out", index, folds=5, fold=fold) for fold in range(5)]
    assert sorted(name for split in splits for name in split.test) == sorted(index.by_name)
    assert [split.validation for split in splits] == [split.test for split in (*splits[1:], splits[0])]
    assert all((len(split.train), len(split.test)) == (12, 4) for split in splits)


@pytest.mark.parametrize(("count", "sizes"), [(3, (2, 2, 2)), (4, (4, 2, 2)), (10, (12, 4, 4)), (70, (100, 20, 20))])
def test_the_size_of_the_test_part_depends_on_the_recordings(count: int, sizes: tuple[int, int, int]) -> None:
    split = make_split("held-out", named_index(*(f"{label}/s{n}" for label in "ab" for n in range(count))))
    assert (len(split.train), len(split.validation), len(split.test)) == sizes


def test_held_out_needs_three_recordings_of_each_class() -> None:
    index = named_index(*(f"a/s{n}" for n in range(9)), "b/s1", "b/s2")
    with pytest.raises(
        DatasetError, match="class b has 2 .* for 3 folds: add files, or use --split stratified --folds 2"
    ):
        make_split("held-out", index)
    with pytest.raises(DatasetError, match="class b has 1 .* for 3 folds: add files$"):
        make_split("held-out", named_index(*(f"a/s{n}" for n in range(9)), "b/s1"))
    with pytest.raises(DatasetError, match="2 folds cannot train, validate and test: use 3 or more"):
        make_split("held-out", index, folds=2)


def test_folds_of_several_labels_hold_each_of_them() -> None:
    """Each fold has its share of a label, the rare one too, to within two items."""
    rng = np.random.default_rng(0)
    shares = {"a": 0.9, "b": 0.5, "c": 0.2, "d": 0.08}
    items = []
    for number in range(200):
        labels = tuple(name for name, share in shares.items() if rng.random() < share) or ("a",)
        items.append(Item(f"{number}.wav", labels[0], f"{number}", f"{number}", labels=labels))
    index = Index(Path("/nowhere"), "audio", tuple(shares), tuple(items), (), ())
    for fold in range(5):
        split = make_split("held-out", index, folds=5, fold=fold)
        held = Counter(label for name in split.test for label in index.by_name[name].labels)
        assert all(abs(held[name] - count / 5) <= 2 for name, count in index.counts().items()), held


def test_alike_items_stay_in_one_part() -> None:
    index = named_index(*(f"{label}/s{n}" for label in "ab" for n in range(10)))
    alike = [Alike("a/s1.wav", "a/s2.wav", 0.0), Alike("a/s2.wav", "b/s7.wav", 1.5)]
    for fold in range(5):
        split = make_split("held-out", index, folds=5, fold=fold, alike=alike)
        for part in (split.train, split.validation, split.test):
            assert len({"a/s1.wav", "a/s2.wav", "b/s7.wav"} & set(part)) in (0, 3)


def test_a_dataset_without_a_name_of_a_split_has_its_own() -> None:
    assert default_split(gtzan_index()) == "paper"
    assert default_split(named_index(*FILES, parts=PARTS)) == "folders"
    assert default_split(named_index("a/1", "b/1")) == "held-out"
