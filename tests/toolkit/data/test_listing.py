"""Lists of files: what a CSV may look like, what its columns decide, and each thing that is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toolkit.trees import picture_tree
from toolkit.data.dataset import build_index
from toolkit.data.listing import read_listing
from toolkit.data.splits import default_split, make_split
from toolkit.errors import DatasetError, UsageError

HEADER = "file,label,group,fold,part"


def write_list(root: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    """Write `list.csv` beside six pictures of two classes: hum/000.png to tap/002.png."""
    if not (root / "hum").exists():
        picture_tree(root)
    path = root / "list.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_list_in_every_spelling(tmp_path: Path, separator: str, encoding: str) -> None:
    lines = [
        '"hum/000.png", low ,"Mar, 3; a",1,Training'.replace(",", separator).replace(f"Mar{separator} 3", "Mar, 3"),
        "tap/001.png,high,,2,val".replace(",", separator),
        "",
        "hum/../tap/002.png,hígh,b,3,test".replace(",", separator),
    ]
    path = write_list(tmp_path, *lines, header=HEADER.upper().replace(",", separator), encoding=encoding)
    index = build_index(path)
    assert index.root == tmp_path and index.is_list
    assert index.classes == ("high", "hígh", "low")
    shown = [(item.name, item.label, item.group, item.fold, item.part) for item in index.items]
    assert shown == [
        ("hum/000.png", "low", "group Mar, 3; a", 1, "train"),
        ("tap/001.png", "high", "file tap/001.png", 2, "validation"),
        ("tap/002.png", "hígh", "group b", 3, "test"),
    ]


def test_two_columns_are_enough_and_others_are_ignored(tmp_path: Path) -> None:
    lines = ("x,hum/000.png,a,1", "x,hum/001.png,b,1")
    index = build_index(write_list(tmp_path, *lines, header="esc10,file,label,take"))
    assert [(item.label, item.group, item.fold, item.part) for item in index.items] == [
        ("a", "", None, ""),
        ("b", "", None, ""),
    ]
    swapped = build_index(
        write_list(tmp_path, "x,hum/000.png,b,1", "x,hum/001.png,a,1", header="esc10,file,label,take")
    )
    assert swapped.digest != index.digest


GOOD = ("hum/000.png,a,,,", "tap/000.png,b,,,")


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (GOOD, "file,class,group,fold,part", r"has no column label \(its columns are file, class, group, fold, part\)"),
        (GOOD, "label,class,group,fold,part", "has no column file"),
        (GOOD, "file,label,label,fold,part", "has two columns label"),
        ((), HEADER, "lists no files"),
        ((*GOOD, "tap/009.png,b,,,"), HEADER, "line 4: there is no file tap/009.png in "),
        ((*GOOD, "hum,b,,,"), HEADER, "line 4: there is no file hum in "),
        ((*GOOD, f"{'x' * 300}.png,b,,,"), HEADER, "line 4: there is no file xxx"),
        ((*GOOD, "tap/./000.png,b,,,"), HEADER, "lines 3 and 4 both list tap/000.png"),
        ((*GOOD, "tap/001.png,b;a,,,"), HEADER, r"line 4 has several labels \(b;a\)"),
        ((*GOOD, "tap/001.png,b;b,,,"), HEADER, r"line 4 has a label twice \(b;b\)"),
        ((*GOOD, "tap/001.png,,,,"), HEADER, "line 4 has no label"),
        ((*GOOD, ",b,,,"), HEADER, "line 4 has no file"),
        ((*GOOD, "tap/001.png,b"), HEADER, "line 4 has 2 cells, not 5"),
        ((*GOOD, "tap/001.png,B,,,"), HEADER, "the classes B and b differ in case only"),
        (GOOD[:1], HEADER, r"has one class only \(a\)"),
        ((*GOOD, "tap/001.png,a\u202eb,,,"), HEADER, "label .* is blank, unprintable"),
        (("hum/000.png,a,,1,", "tap/000.png,b,,x,"), HEADER, "line 3: fold 'x' is no whole number"),
        (("hum/000.png,a,,1,", f"tap/000.png,b,,{'9' * 5000},"), HEADER, "line 3: fold .{20,40} is no whole number"),
        (("hum/000.png,a,,1,", "tap/000.png,b,,1.5,"), HEADER, "line 3: fold '1.5' is no whole number"),
        (("hum/000.png,a,,1,", "tap/000.png,b,,,"), HEADER, "line 3 has no fold, and others have"),
        (("hum/000.png,a,,,train", "tap/000.png,b,,,"), HEADER, "line 3 has no part, and others have"),
        (("hum/000.png,a,,,train", "tap/000.png,b,,,exam"), HEADER, "line 3: part 'exam' is unknown"),
        (("hum/000.png,a,g,,train", "tap/000.png,b,g,,test"), HEADER, "'g' is one group, and in two parts"),
        (("hum/000.png,a,g,1,", "tap/000.png,b,g,2,"), HEADER, "'g' is one group, and in two folds"),
        ((*GOOD, 'tap/001.png,"b,,,'), HEADER, "line .* is no CSV"),
    ],
)
def test_refusals(tmp_path: Path, lines: tuple[str, ...], header: str, message: str) -> None:
    path = write_list(tmp_path, *lines, header=header)
    with pytest.raises(DatasetError, match=message) as refusal:
        read_listing(path)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_file_by_two_of_its_paths_is_listed_twice(tmp_path: Path) -> None:
    path = write_list(tmp_path, *GOOD, f"../{tmp_path.name}/tap/000.png,b,,,", f"{tmp_path}/tap/001.png,b,,,")
    with pytest.raises(DatasetError, match="lines 3 and 4 both list"):
        read_listing(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"file,label\nhum/000.png,caf\xe9\n", "line 2 is not UTF-8"),
        ("file,label\n".encode("utf-16"), "line 1 is not UTF-8"),
        (b"file,label\nhum/000.png,a\0b\n", "line 2 holds a NUL byte"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        build_index(path)


def test_several_labels_where_they_may_be(tmp_path: Path) -> None:
    path = write_list(tmp_path, "hum/000.png,a; b,,,", "hum/001.png,b;c,,,", "tap/001.png,a,,,")
    index = build_index(path, multi_label=True)
    assert index.multi_label and index.classes == ("a", "b", "c")
    assert [(item.label, item.labels) for item in index.items] == [("a", ("a", "b")), ("b", ("b", "c")), ("a", ("a",))]
    assert index.counts() == {"a": 2, "b": 2, "c": 1}


def parted_list(root: Path, *parts: str) -> Path:
    """Write a list of twelve pictures that puts them into parts in turn."""
    names = [f"{label}/{number:03}.png" for label in ("hum", "tap") for number in range(6)]
    picture_tree(root, count=6)
    lines = [f"{name},{name[:3]},,,{parts[place % len(parts)]}" for place, name in enumerate(names)]
    return write_list(root, *lines)


def test_the_column_part_decides_the_parts(tmp_path: Path) -> None:
    index = build_index(parted_list(tmp_path, "train", "validation", "test"))
    assert default_split(index) == "listed"
    split = make_split("listed", index)
    for names, part in ((split.train, "train"), (split.validation, "validation"), (split.test, "test")):
        assert set(names) == {item.name for item in index.items if item.part == part} and len(names) == 4
    assert split.seed is None


def test_a_fifth_of_training_validates_where_no_line_does(tmp_path: Path) -> None:
    index = build_index(parted_list(tmp_path, "train", "train", "train", "train", "train", "test"))
    split = make_split("listed", index, seed=1)
    assert len(split.test) == 2 and len(split.validation) == 2 and len(split.train) == 8 and split.seed == 1


def test_listed_needs_the_column(tmp_path: Path) -> None:
    index = build_index(write_list(tmp_path, *GOOD))
    with pytest.raises(DatasetError, match="is no list with a column part: use --split held-out"):
        make_split("listed", index)


def test_the_column_fold_decides_the_folds(tmp_path: Path) -> None:
    picture_tree(tmp_path, count=8)
    lines = [f"{label}/{number:03}.png,{label},,{number // 2 + 1}," for label in ("hum", "tap") for number in range(8)]
    index = build_index(write_list(tmp_path, *lines))
    assert default_split(index) == "held-out"
    split = make_split("held-out", index, seed=9, fold=4)
    folds = [{index.by_name[name].fold for name in part} for part in (split.test, split.validation, split.train)]
    assert folds == [{4}, {1}, {2, 3}]
    assert {index.by_name[name].fold for name in make_split("stratified", index).validation} == {1}
    with pytest.raises(DatasetError, match="the list states 4 folds, not 5"):
        make_split("held-out", index, folds=5)
    with pytest.raises(DatasetError, match="fold 0 does not exist: the 4 folds are numbered 1, 2, 3, 4"):
        make_split("held-out", index, fold=0)


def test_group_by_and_a_column_group_exclude_each_other(tmp_path: Path) -> None:
    path = write_list(tmp_path, "hum/000.png,a,g,,", "tap/000.png,b,h,,")
    with pytest.raises(UsageError, match="the list has a column group"):
        build_index(path, group_by="a")
