"""Recordings by a regular expression: what it names, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toolkit.trees import write_picture
from toolkit.data.dataset import Index, build_index
from toolkit.data.recordings import recordings
from toolkit.data.splits import make_split
from toolkit.errors import DatasetError, GtzanetError, UsageError


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of two classes with five days of three pictures each, and one more without a day."""
    root = tmp_path_factory.mktemp("days")
    for place, label in enumerate(("hum", "tap")):
        for day in range(5):
            for number in range(3):
                write_picture(root / label / f"day{day}-mic{number}.png", 100 * place + 10 * day + number)
    write_picture(root / "tap" / "other.png", 999)
    return root


def test_the_first_group_names_the_recording_in_all_classes(days: Path) -> None:
    index = build_index(days, group_by=r"(day\d)-mic")
    groups = recordings(index.items)
    assert groups["hum/day3-mic0.png"] == groups["tap/day3-mic2.png"] != groups["tap/day2-mic2.png"]
    assert "tap/other.png" not in groups and len(set(groups.values())) == 5
    for fold in range(5):
        split = make_split("held-out", index, folds=5, fold=fold)
        sides = [{groups.get(name, name) for name in part} for part in (split.train, split.validation, split.test)]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_the_whole_match_where_there_is_no_group(days: Path) -> None:
    groups = recordings(build_index(days, group_by=r"^\w+/day\d").items)
    assert groups["hum/day3-mic0.png"] == groups["hum/day3-mic1.png"] != groups["tap/day3-mic0.png"]


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        ("(day", UsageError, "is no regular expression"),
        ("night", DatasetError, "matches no file's path"),
        ("(" * 2000 + "day" + ")" * 2000, UsageError, "is no regular expression"),
        ("a{99999999999999}", UsageError, "is no regular expression"),
        ("(night)?", DatasetError, "matches no file's path"),
        ("png", DatasetError, "puts all 31 files into one group"),
        (".*", DatasetError, "puts each file into a group of its own"),
    ],
)
def test_refusals(days: Path, pattern: str, error: type[GtzanetError], message: str) -> None:
    with pytest.raises(error, match=message) as refusal:
        build_index(days, group_by=pattern)
    assert "--group-by" in str(refusal.value) and "\n" not in str(refusal.value)


def test_it_does_not_change_what_the_dataset_is(days: Path) -> None:
    plain: Index = build_index(days)
    assert build_index(days, group_by=r"day\d").digest == plain.digest
