"""Labels of a model from elsewhere, in the files that come with such models."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.artifact.label_files import read_labels
from toolkit.errors import GtzanetError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "dog\ncat, small\n"),
        ("labels.txt", "\ufeffdog\r\ncat, small\r\n\r\n"),
        ("map.csv", 'index,mid,display_name\n0,/m/1,dog\n1,/m/2,"cat, small"\n'),
        ("map.csv", 'name\ndog\n"cat, small"\n'),
    ],
)
def test_labels_are_read_in_order(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert read_labels(tmp_path / name) == ("dog", "cat, small")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("l.txt", "dog\n", "1 labels, not 2 to"),
        ("l.txt", "dog\ncat\ndog\n", "a label occurs twice: dog"),
        ("l.txt", "dog\n\ncat\n", "is blank"),
        ("l.csv", "mid,title\n1,dog\n", "its columns are mid, title: it needs display_name or name or label"),
        ("l.csv", "", "its columns are none"),
        ("l.csv", "index,name\n1,dog\n0,cat\n", "its column index does not count from 0"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(GtzanetError, match=message):
        read_labels(tmp_path / name)


def test_no_text(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GtzanetError, match="no UTF-8 text"):
        read_labels(tmp_path / "l.txt")
    with pytest.raises(GtzanetError, match="none.txt: cannot be read"):
        read_labels(tmp_path / "none.txt")
