"""From a dataset folder to the parts of a split in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.dataset import Index, build_index
from toolkit.data.picture_cache import load_pictures
from toolkit.data.splits import Split, make_split
from toolkit.data.synthetic import is_synthetic
from toolkit.errors import RunError, UsageError
from train.config import DataConfig, RunConfig, SplitConfig

Steps = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Dataset:
    """An index, how it is split, and the descriptions of both that a run keeps."""

    index: Index
    split: Split
    data: DataConfig
    split_config: SplitConfig


def data_root(flag: Path | None) -> Path:
    """Return the dataset's folder: the flag, or the variable GTZAN_ROOT.

    Raises
    ------
    UsageError
        If neither says where it is.
    """
    where = flag or os.environ.get("GTZAN_ROOT")
    if not where:
        raise UsageError("no dataset: say where it is with --data DIR or the variable GTZAN_ROOT")
    return Path(where)


def open_dataset(
    root: Path, kind: str | None, name: str, *, seed: int, folds: int, fold: int, progress: Steps
) -> Dataset:
    """Index a dataset folder and split it; `progress(what, done, total)` is called on the way."""
    index = build_index(root, kind, lambda done, total: progress("indexing", done, total))
    split = make_split(name, index, seed=seed, folds=folds, fold=fold)
    data = DataConfig(str(Path(root).resolve()), index.kind, index.digest, len(index.items), is_synthetic(Path(root)))
    return Dataset(index, split, data, SplitConfig(name, seed, folds, fold, split.digest))


def reopen_dataset(config: RunConfig, root: Path | None, where: Path, progress: Steps) -> Dataset:
    """Open the dataset a run was made from, at `root` where it has moved.

    Raises
    ------
    RunError
        If the dataset or its split is not what it was.
    """
    split = config.split
    dataset = open_dataset(
        root or Path(config.data.root),
        config.data.kind,
        split.name,
        seed=split.seed,
        folds=split.folds,
        fold=split.fold,
        progress=progress,
    )
    if dataset.data.digest != config.data.digest or dataset.split_config.digest != split.digest:
        raise RunError(
            f"{where}: the dataset in {dataset.data.root} changed since this run began "
            f"({dataset.data.items} items now, {config.data.items} then): restore it, or start a new run"
        )
    return dataset


def load_part(dataset: Dataset, names: tuple[str, ...], cache: Path | None, progress: Steps) -> Part:
    """Read the pictures of the items called `names` into memory (373 kB each)."""
    by_name = dataset.index.by_name
    items = [by_name[name] for name in names]
    pictures = load_pictures(dataset.index, items, cache, lambda done, total: progress("reading", done, total))
    numbers = {label: number for number, label in enumerate(dataset.index.classes)}
    return Part(names, pictures, np.array([numbers[item.label] for item in items], np.int32))


@dataclass(frozen=True)
class Part:
    """One part of a split, in memory: names, pictures uint8 (n, 288, 432, 3), labels int32 (n,)."""

    names: tuple[str, ...]
    pictures: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Progress:
    """What the loop tells while it works: the epoch (from 1), the step in it, and a done epoch's history."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    finished: dict[str, Any] | None = None
