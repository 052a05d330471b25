"""Files are whole or absent, and errors name the file that was asked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from toolkit.files import atomic_path, read_json, remove_leftovers, write_bytes


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    write_bytes(target, b"one")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]
    assert target.read_bytes() == b"one"


def test_only_our_own_leftovers_are_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt") as temporary:
        (tmp_path / f"{temporary.stem}2.txt").touch()  # as if another had been killed
        raise KeyboardInterrupt
    (tmp_path / ".notes.tmp.txt").touch()
    (tmp_path / ".vim.gtzanet-tmp").mkdir()
    remove_leftovers(tmp_path, older_than=3600)
    assert len(list(tmp_path.iterdir())) == 3
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".notes.tmp.txt", ".vim.gtzanet-tmp"]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "a.png"
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "device":
        target.symlink_to("/dev/null")
    else:
        target.mkdir()
    before = target.lstat()
    with pytest.raises(OSError, match="name a (regular )?file to write") as caught:
        write_bytes(target, b"x")
    assert caught.value.filename == str(target)
    assert target.lstat() == before
    assert list(tmp_path.iterdir()) == [target]


def test_errors_while_writing_name_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    for error in (OSError(errno.ENOSPC, "No space left on device"), OSError("encoder error -2")):
        with pytest.raises(OSError, match="No space left|encoder error") as caught, atomic_path(target):
            raise error
        assert caught.value.filename == str(target)
        assert caught.value.errno == error.errno
    with pytest.raises(FileNotFoundError) as caught, atomic_path(target) as temporary:
        temporary.unlink()
    assert caught.value.filename == str(target)
    with pytest.raises(FileNotFoundError) as caught, atomic_path(target):
        (tmp_path / "another").read_bytes()
    assert Path(caught.value.filename) == tmp_path / "another"


def test_a_name_that_is_too_long_is_named_itself(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("a" * 255), b"just fits")
    for name in ("a" * 256, "b" * 300 + ".txt"):
        with pytest.raises(OSError, match="File name too long") as caught:
            write_bytes(tmp_path / name, b"x")
        assert caught.value.filename == str(tmp_path / name)


def test_json_that_lies_too_deep_is_a_value_error(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 60_000)
    with pytest.raises(ValueError, match="too deep"):
        read_json(tmp_path / "deep.json")
