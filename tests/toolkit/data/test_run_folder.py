"""Run folders: which is the newest, and what is reported of a damaged one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.data.run_folder import CONFIG, METRICS, MODEL, SPLIT, Run, newest_run
from toolkit.errors import RunError


def write_run(folder: Path, **changed: Any) -> Path:
    """Write a finished run with other values of some files."""
    values = {
        "config": {"model": "gtzanet", "created": "2024-01-01T00:00:00"},
        "split": {"name": "s", "seed": 0, "train": ["a"], "validation": ["b"], "test": [], "missing": []},
        "metrics": {},
        **changed,
    }
    folder.mkdir(parents=True)
    for name, value in zip((CONFIG, SPLIT, METRICS), values.values(), strict=True):
        (folder / name).write_text(json.dumps(value))
    (folder / MODEL).touch()
    return folder


def test_a_run_is_read(tmp_path: Path) -> None:
    run = Run.load(write_run(tmp_path / "a"))
    assert (run.config["model"], run.split.train) == ("gtzanet", ("a",))


@pytest.mark.parametrize("created", [None, 5, ["2030"]])
def test_a_run_that_does_not_say_when_is_not_the_newest(tmp_path: Path, created: Any) -> None:
    write_run(tmp_path / "z", config={"model": "gtzanet", "created": created})
    with pytest.raises(RunError, match="no finished run here"):
        newest_run(tmp_path)
    good = write_run(tmp_path / "a")
    assert newest_run(tmp_path) == good


@pytest.mark.parametrize("name", [CONFIG, SPLIT, METRICS])
@pytest.mark.parametrize("value", [[], None, "text"])
def test_a_file_that_is_no_object_is_named(tmp_path: Path, name: str, value: Any) -> None:
    write_run(tmp_path / "a", **{name.removesuffix(".json"): value})
    with pytest.raises(RunError, match=f"{name}: is no JSON object"):
        Run.load(tmp_path / "a")


def test_a_damaged_split_is_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a", split={"name": "s"})
    with pytest.raises(RunError, match=r"split\.json: this is no split: .*train the run again"):
        Run.load(tmp_path / "a")
