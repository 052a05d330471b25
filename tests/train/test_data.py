"""Datasets as a run opens them: what it keeps of them is enough to open them again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.toolkit.trees import picture_tree, sound_tree
from tests.train.test_config import make_config
from toolkit.data.run_folder import config_digest
from toolkit.errors import RunError
from train.config import RunConfig
from train.data import open_dataset, reopen_dataset


def quiet(*_: Any) -> None:
    """Report nothing."""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a list of 24 pictures in four folds, numbered from 1."""
    root = picture_tree(tmp_path_factory.mktemp("listed"), count=12)
    names = [f"{label}/{number:03}.png" for label in ("hum", "tap") for number in range(12)]
    lines = ["file,label,fold", *(f"{name},{name[:3]},{number % 4 + 1}" for number, name in enumerate(names))]
    (root / "list.csv").write_text("\n".join(lines))
    return root / "list.csv"


def test_a_run_on_a_list_is_opened_again(listed: Path, tmp_path: Path) -> None:
    dataset = open_dataset(listed, None, None, seed=0, folds=None, fold=3, progress=quiet)
    assert (dataset.split_config.name, dataset.split_config.folds, dataset.split_config.fold) == ("held-out", 4, 3)
    assert dataset.data.root == str(listed)
    config = make_config(data=dataset.data, split=dataset.split_config)
    assert reopen_dataset(config, None, tmp_path, quiet).split == dataset.split
    other = replace(config, split=replace(dataset.split_config, fold=2))
    with pytest.raises(RunError, match="changed since this run began"):
        reopen_dataset(other, None, tmp_path, quiet)


def test_a_run_keeps_how_its_files_were_grouped(listed: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 0, "folds": None, "fold": None, "progress": quiet}
    dataset = open_dataset(listed.parent, None, "held-out", **options, group_by=r"(\d)\.png")
    assert dataset.data.group_by == r"(\d)\.png"
    assert len(set(dataset.recordings.values())) == 10
    config = make_config(data=dataset.data, split=dataset.split_config)
    again = RunConfig.from_dict(config.to_dict(), "config.json")
    assert again == config and reopen_dataset(again, None, tmp_path, quiet).split == dataset.split
    assert "group_by" not in make_config().to_dict()["data"]


def test_a_run_keeps_where_its_negatives_are(tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 0, "folds": 3, "fold": 0, "progress": quiet}
    root, street = sound_tree(tmp_path / "sounds", count=6), sound_tree(tmp_path / "street", ("day",), count=6)
    dataset = open_dataset(root, None, "stratified", **options, negatives=str(street))
    assert dataset.index.classes == ("background", "hum", "tap")
    config = make_config(data=dataset.data, split=dataset.split_config, classes=dataset.index.classes)
    again = RunConfig.from_dict(config.to_dict(), "config.json")
    assert again == config and reopen_dataset(again, None, tmp_path, quiet).split == dataset.split
    moved = config.to_dict() | {"data": {**config.to_dict()["data"], "negatives": "/elsewhere"}}
    assert config_digest(moved) == config.digest
    assert "negatives" not in make_config().to_dict()["data"]
    (street / "day" / "000.wav").unlink()
    with pytest.raises(RunError, match="changed since this run began"):
        reopen_dataset(again, None, tmp_path, quiet)
