"""From a dataset folder to the parts of a split in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from toolkit.data.dataset import Index, Item, build_index
from toolkit.data.duplicates import Alike, near_duplicates
from toolkit.data.features import Windows, load_windows
from toolkit.data.folds import choose_folds
from toolkit.data.negatives import with_negatives
from toolkit.data.recordings import recordings
from toolkit.data.splits import PUBLISHED, Split, default_split, make_split
from toolkit.data.synthetic import is_synthetic
from toolkit.errors import RunError, UsageError
from toolkit.frontend.spec import FrontEnd
from train.config import DataConfig, RunConfig, SplitConfig

if TYPE_CHECKING:
    import tf_keras

Steps = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Dataset:
    """An index, how it is split, and the descriptions of both that a run keeps.

    `recordings` names the recording of each item that is one of several takes of it; `alike` are pairs of items that
    sound the same, where the split is not a published one. With `multi_label`, an item may have several classes.
    """

    index: Index
    split: Split
    recordings: dict[str, str]
    data: DataConfig
    split_config: SplitConfig
    alike: tuple[Alike, ...] = ()
    multi_label: bool = False


def data_root(flag: Path | None) -> Path:
    """Return the dataset's folder: the flag, or the variable GTZAN_ROOT.

    Raises `UsageError` if neither names one.
    """
    where = flag or os.environ.get("GTZAN_ROOT")
    if not where:
        raise UsageError("no dataset: name its folder with --data DIR or the variable GTZAN_ROOT")
    return Path(where)


def open_dataset(
    root: Path,
    kind: str | None,
    name: str | None,
    *,
    seed: int,
    folds: int | None,
    fold: int | None,
    progress: Steps,
    group_by: str = "",
    negatives: str = "",
    multi_label: bool = False,
) -> Dataset:
    """Index a dataset and split it; `progress(what, done, total)` is called on the way.

    Without a name, the split is that of `default_split`. The sounds in the folder `negatives` become the class
    `background`.
    """
    options: dict[str, Any] = {"group_by": group_by, "multi_label": multi_label}
    index = build_index(root, kind, lambda done, total: progress("indexing", done, total), **options)
    if negatives:
        index = with_negatives(index, Path(negatives), progress=lambda done, total: progress("negatives", done, total))
    name = name or default_split(index)
    alike: tuple[Alike, ...] = ()
    if name not in PUBLISHED:
        alike = near_duplicates(index, lambda done, total: progress("comparing", done, total))
    chosen = choose_folds(name, index, folds, fold, alike)
    split = make_split(name, index, seed=seed, folds=len(chosen.numbers), fold=chosen.number, alike=alike)
    synthetic = is_synthetic(index.root)
    data = DataConfig(
        root=str(Path(root).resolve()),
        kind=index.kind,
        digest=index.digest,
        items=len(index.items),
        synthetic=synthetic,
        group_by=group_by,
        negatives=str(Path(negatives).resolve()) if negatives else "",
    )
    split_config = SplitConfig(name, seed, len(chosen.numbers), chosen.number, split.digest)
    return Dataset(index, split, recordings(index.items), data, split_config, alike, multi_label)


def reopen_dataset(config: RunConfig, root: Path | None, where: Path, progress: Steps) -> Dataset:
    """Open the dataset of a run, at `root` where it has moved.

    Raises `RunError` if the dataset or its split is not what it was.
    """
    split, data = config.split, config.data
    dataset = open_dataset(
        root or Path(data.root),
        data.kind,
        split.name,
        seed=split.seed,
        folds=split.folds,
        fold=split.fold,
        progress=progress,
        group_by=data.group_by,
        negatives=data.negatives,
        multi_label=config.multi_label,
    )
    if dataset.data.digest != config.data.digest or dataset.split_config.digest != split.digest:
        raise RunError(
            f"{where}: the dataset in {dataset.data.root} changed since this run began "
            f"({dataset.data.items} items now, {config.data.items} then): restore it, or start a new run"
        )
    return dataset


def load_part(dataset: Dataset, names: tuple[str, ...], spec: FrontEnd, cache: Path | None, progress: Steps) -> Part:
    """Return what a front end shows of all windows of the clips called `names`: a file's pages, read when needed."""
    items = items_of(dataset, names)
    windows = load_windows(dataset.index, items, spec, cache, lambda done, total: progress("reading", done, total))
    return part_of(dataset, items, windows)


def items_of(dataset: Dataset, names: Sequence[str]) -> list[Item]:
    """Return the items called `names`."""
    return [dataset.index.by_name[name] for name in names]


def part_of(dataset: Dataset, items: Sequence[Item], windows: Windows) -> Part:
    """Return items with what stands for each of their windows."""
    names = tuple(item.name for item in items)
    classes = dataset.index.classes
    if dataset.multi_label:
        labels = np.array([[name in item.all_labels for name in classes] for item in items], np.float32)
        labels = labels.reshape(len(items), len(classes))
    else:
        labels = np.array([classes.index(item.label) for item in items], np.int32)
    return Part(names, windows.values, labels, windows.clips, tuple(dataset.recordings.get(n, n) for n in names))


@dataclass(frozen=True)
class Part:
    """One part of a split.

    Attributes
    ----------
    names, clip_labels
        Of the clips; the labels are int32 (clips,), or where a clip may have several, 0 or 1, float32 (clips, classes).
    values
        What the front end shows of the clips' windows, (windows, *shape): float32 of a grid, else uint8. Or a
        backbone's features of them, float32 (windows, features).
    clips
        The place of each window's clip, int64 (windows,), ascending.
    recordings
        The recording of each clip: its own name where it is the only take.
    """

    names: tuple[str, ...]
    values: np.ndarray
    clip_labels: np.ndarray
    clips: np.ndarray
    recordings: tuple[str, ...]

    @cached_property
    def labels(self) -> np.ndarray:
        """The windows' labels, (windows, ...): each is that of its clip."""
        return self.clip_labels[self.clips]

    @property
    def has_long_clips(self) -> bool:
        """Whether a clip has more than one window."""
        return len(self.clips) > len(self.names)

    def of_clips(self, places: np.ndarray) -> Part:
        """Return the clips at these places, int64 (n,), ascending."""
        names, recordings = (tuple(values[at] for at in places) for values in (self.names, self.recordings))
        rows = np.isin(self.clips, places)
        clips = np.searchsorted(places, self.clips[rows])
        return Part(names, self.values[rows], self.clip_labels[places], clips, recordings)

    def clip_means(self, values: np.ndarray) -> np.ndarray:
        """Return the float64 mean over each clip's windows, as the runtime does: (windows, ...) to (clips, ...)."""
        starts = np.searchsorted(self.clips, np.arange(len(self.names)))
        sums = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        return (sums.T / np.bincount(self.clips)).T


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the model to keep, its history, and the parts of `predictions.json`.

    `measured` is added to `metrics.json`, `sections` to the report.
    """

    model: tf_keras.Model
    history: list[dict[str, Any]]
    predicted: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)
    sections: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """What the loop reports while it works: the epoch (from 1), the step in it, and a done epoch's history."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    finished: dict[str, Any] | None = None


class Listener(Protocol):
    """What a run reports to: sentences about its clips, files read, steps trained."""

    def notice(self, sentence: str) -> None: ...

    def steps(self, what: str, done: int, total: int) -> None: ...

    def __call__(self, state: Progress) -> None: ...
