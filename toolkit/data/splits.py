"""Which items train, validate and test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.dataset import GENRES, Index, track_of
from toolkit.data.recordings import recordings
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import DatasetError
from toolkit.files import digest_of

NAMES = ("paper", "fault-filtered", "stratified", "folders")
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


def make_split(name: str, index: Index, *, seed: int = 0, folds: int = 5, fold: int = 0) -> Split:
    """Return a split of an index's items.

    Parameters
    ----------
    name
        "paper": the paper's 800 training and 199 validation recordings (no test part; it leaks artists and duplicates).
        "fault-filtered": the published artist-filtered lists in GTZAN's `splits` folder.
        "stratified": fold `fold` of `folds` validates and the rest train; classes are spread evenly, and neither a
        track, nor takes of one recording, nor a set of equal files is ever on both sides.
        "folders": the dataset's own `train`, `validation` and `test` folders. Without one for validation, that is a
        stratified fold of `train`.
    seed
        Decides the folds.

    Raises `DatasetError` if the name is unknown, the split is not defined on this dataset, or a part would be empty.
    """
    if name == "stratified":
        return _stratified(index, seed, folds, fold)
    if name == "folders":
        return _by_folders(index, seed, folds, fold)
    if name not in NAMES:
        raise DatasetError(f"split {name!r} is unknown: use one of {', '.join(NAMES)}")
    if not index.is_gtzan:
        raise DatasetError(
            f"split {name} is defined on GTZAN only and {index.root} is not GTZAN: use --split stratified"
        )
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
        raise DatasetError(f"split {name}: {absent}: get the whole of GTZAN, or use --split stratified")
    return Split(name, seed, parts["train"], parts["validation"], parts["test"], missing)


def _by_folders(index: Index, seed: int, folds: int, fold: int) -> Split:
    """Return the split that the dataset's folders are; a fold of its training folder validates where none does."""
    if not index.parts:
        raise DatasetError(f"split folders: {index.root} holds no folders train and test: use --split stratified")
    part_of = dict(index.parts)
    items = {part: [item for item in index.items if part_of[item.name.split("/")[0]] == part] for part in PARTS}
    for label in index.classes:
        if all(item.label != label for item in items["train"]):
            raise DatasetError(f"split folders: class {label} in {index.root} has no training files: add some")
    train, validation, test = (tuple(item.name for item in items[part]) for part in PARTS)
    if validation:
        return Split("folders", None, train, validation, test)
    inner = _stratified(replace(index, items=tuple(items["train"])), seed, folds, fold)
    return Split("folders", seed, inner.train, inner.validation, test)


def _stratified(index: Index, seed: int, folds: int, fold: int) -> Split:
    """Return fold `fold` of a stratified k-fold division of groups that must stay together."""
    if folds < 2:
        raise DatasetError(f"{folds} folds cannot both train and validate: use 2 or more")
    if not 0 <= fold < folds:
        raise DatasetError(f"fold {fold} does not exist: the {folds} folds are numbered 0 to {folds - 1}")
    label = {item.name: item.label for item in index.items}
    groups = _groups(index)
    for name in index.classes:
        count = sum(any(label[member] == name for member in group) for group in groups)
        if count < folds:
            hint = f"use --folds {count} or add files" if count > 1 else "add files"
            raise DatasetError(
                f"class {name} has {count} separate recordings (takes of one, by their names or contents, count once), "
                f"too few for {folds} folds: {hint}"
            )
    # Groups of several classes first, then large ones, each in an order that the seed decides.
    groups.sort(key=lambda group: hashlib.sha256(f"{seed}/{group[0]}".encode()).digest())
    groups.sort(key=lambda group: (len({label[member] for member in group}), len(group)), reverse=True)
    held: list[Counter[str]] = [Counter() for _ in range(folds)]
    validation: set[str] = set()
    for group in groups:
        labels = {label[member] for member in group}
        place = min(range(folds), key=lambda k: (sum(held[k][name] for name in labels), held[k].total(), k))
        held[place].update(label[member] for member in group)
        if place == fold:
            validation.update(group)
    train, held_out = ([name for name in label if (name in validation) == is_held] for is_held in (False, True))
    return Split("stratified", seed, tuple(train), tuple(held_out), ())


def _groups(index: Index) -> list[list[str]]:
    """Return the item names in groups that share a track or recording or are equal files, directly or in a chain."""
    parent = {item.name: item.name for item in index.items}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: dict[str, str] = {}
    recording = recordings(index.items)
    for item in index.items:
        of_recording = recording.get(item.name, item.name)
        for key in (f"track {item.track}", f"digest {item.digest}", f"recording {of_recording}"):
            parent[root(item.name)] = root(first.setdefault(key, item.name))
    groups: dict[str, list[str]] = {}
    for item in index.items:
        groups.setdefault(root(item.name), []).append(item.name)
    return list(groups.values())
