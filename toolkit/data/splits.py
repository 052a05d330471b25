"""Which items train, validate and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.dataset import GENRES, Index, track_of
from toolkit.data.duplicates import Alike
from toolkit.data.folds import Folds, assign_folds, choose_folds
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import DatasetError
from toolkit.files import digest_of

NAMES = ("paper", "fault-filtered", "held-out", "stratified", "folders", "listed")
PUBLISHED = ("paper", "fault-filtered")
PARTS = ("train", "validation", "test")
PAPER_SEED = 12345
PAPER_VALIDATION = 199
PAPER_WITHOUT_PICTURE = "jazz.00054"
FILTERED_LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}


@dataclass(frozen=True)
class Split:
    """Item names that train, validate and test.

    `missing` names the recordings that the split's definition lists but the index does not have; they take no part.
    """

    name: str
    seed: int | None
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = Counter(chain(self.train, self.validation, self.test))
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise DatasetError(f"split {self.name} uses {twice[0]} more than once: every item belongs to one part only")
        if not self.train:
            raise DatasetError(f"split {self.name} has no training items")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the three parts, in their order."""
        return digest_of({part: list(getattr(self, part)) for part in PARTS})

    def to_dict(self) -> dict[str, Any]:
        """Return the split as a JSON object."""
        parts = {part: list(getattr(self, part)) for part in (*PARTS, "missing")}
        return {"name": self.name, "seed": self.seed, **parts}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Split:
        """Return the split that a JSON object describes; raise `DatasetError` where it describes none."""
        try:
            return from_json(cls, value, "split")
        except StrictError as error:
            raise DatasetError(f"this is no split: {error}") from None


def default_split(index: Index) -> str:
    """Return the split of a dataset where none is named: its own parts, the paper's on GTZAN, `held-out` elsewhere."""
    if any(item.part for item in index.items):
        return "listed" if index.is_list else "folders"
    return "paper" if index.is_gtzan else "held-out"


def make_split(
    name: str,
    index: Index,
    *,
    seed: int = 0,
    folds: int | None = None,
    fold: int | None = None,
    alike: Sequence[Alike] = (),
) -> Split:
    """Return a split of an index's items.

    Parameters
    ----------
    name
        "paper": the paper's 800 training and 199 validation recordings (no test part; it leaks artists and duplicates).
        "fault-filtered": the published artist-filtered lists in GTZAN's `splits` folder.
        "held-out": fold `fold` of `folds` tests, the next one validates and the rest train.
        "stratified": fold `fold` of `folds` validates and the rest train; there is no test part.
        "folders": the dataset's own `train`, `validation` and `test` folders. Without one for validation, that is a
        stratified fold of `train`.
        "listed": the same by the column `part` of a list.
    seed
        Decides the folds, unless a list states them.
    folds, fold
        See `toolkit.data.folds.choose_folds`.
    alike
        Pairs of items that sound the same, which `held-out` keeps in one fold.

    Raises `DatasetError` if the name is unknown, the split is not defined on this dataset, or a part would be empty.
    """
    if name in ("held-out", "stratified"):
        return _by_folds(name, index, seed, choose_folds(name, index, folds, fold, alike), alike)
    if name in ("folders", "listed"):
        return _by_parts(name, index, seed, choose_folds(name, index, folds, fold))
    if name not in NAMES:
        raise DatasetError(f"split {name!r} is unknown: use one of {', '.join(NAMES)}")
    if not index.is_gtzan:
        raise DatasetError(f"split {name} is defined on GTZAN only and {index.root} is not GTZAN: use --split held-out")
    if name == "paper":
        return _by_tracks(name, PAPER_SEED, _paper_tracks(), index)
    return _by_tracks(name, None, _filtered_tracks(index.root.parent / "splits"), index)


def _paper_tracks() -> dict[str, list[str]]:
    """Return the tracks of the paper's two parts in the paper's order.

    `image_dataset_from_directory(validation_split=0.2, seed=12345)` sorts the 999 paths, shuffles them with
    `numpy.random.RandomState(12345)` and validates on the last `int(0.2 * 999)` = 199.
    """
    tracks = [f"{genre}.{number:05}" for genre in GENRES for number in range(100)]
    tracks.remove(PAPER_WITHOUT_PICTURE)
    np.random.RandomState(PAPER_SEED).shuffle(tracks)
    return {"train": tracks[:-PAPER_VALIDATION], "validation": tracks[-PAPER_VALIDATION:], "test": []}


def _filtered_tracks(folder: Path) -> dict[str, list[str]]:
    """Return the tracks of the three published lists, in their order."""
    tracks: dict[str, list[str]] = {}
    for part, name in FILTERED_LISTS.items():
        try:
            lines = (folder / name).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"cannot read {folder / name} ({error}): put the three *_filtered.txt there") from error
        tracks[part] = [track_of(line.split("/")[0], line) for line in lines]
    return tracks


def _by_tracks(name: str, seed: int | None, tracks: Mapping[str, Sequence[str]], index: Index) -> Split:
    """Return the split that puts every item where its track is listed."""
    items: dict[str, list[str]] = {}
    for item in index.items:
        items.setdefault(item.track, []).append(item.name)
    parts = {part: tuple(chain.from_iterable(items.get(track, ()) for track in tracks[part])) for part in PARTS}
    for part in PARTS:
        if tracks[part] and not parts[part]:
            raise DatasetError(f"split {name} has no {part} items: none of its tracks is in {index.root}")
    missing = tuple(track for part in PARTS for track in tracks[part] if track not in items)
    total = sum(map(len, tracks.values()))
    if 2 * len(missing) > total:
        absent = f"{len(missing)} of its {total} tracks are not in {index.root}"
        raise DatasetError(f"split {name}: {absent}: get the whole of GTZAN, or use --split held-out")
    return Split(name, seed, parts["train"], parts["validation"], parts["test"], missing)


def _by_parts(name: str, index: Index, seed: int, folds: Folds) -> Split:
    """Return the split that the dataset states; a fold of its training part validates where none does."""
    items = {part: [item for item in index.items if item.part == part] for part in PARTS}
    if not any(items.values()):
        lacks = "holds no folders train and test" if name == "folders" else "is no list with a column part"
        raise DatasetError(f"split {name}: {index.root} {lacks}: use --split held-out")
    for label in index.classes:
        if all(label not in item.all_labels for item in items["train"]):
            raise DatasetError(f"split {name}: class {label} in {index.root} has no training files: add some")
    train, validation, test = (tuple(item.name for item in items[part]) for part in PARTS)
    if validation:
        return Split(name, None, train, validation, test)
    inner = _by_folds(
        "stratified", replace(index, items=tuple(replace(item, fold=None) for item in items["train"])), seed, folds
    )
    return Split(name, seed, inner.train, inner.validation, test)


def _by_folds(name: str, index: Index, seed: int, folds: Folds, alike: Sequence[Alike] = ()) -> Split:
    """Return the split whose fold validates, or, for `held-out`, tests while the next one validates."""
    fold_of = assign_folds(index, seed, folds, alike if name == "held-out" else ())
    test = {folds.number} if name == "held-out" else set()
    validation = {folds.following if test else folds.number}
    parts: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for item in index.items:
        fold = fold_of[item.name]
        parts[True if fold in test else None if fold in validation else False].append(item.name)
    return Split(name, seed, tuple(parts[False]), tuple(parts[None]), tuple(parts[True]))
