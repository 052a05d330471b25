"""Folds of a dataset: equal parts of every class that never share a recording, a track or a file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.data.dataset import Index
from toolkit.data.duplicates import Alike
from toolkit.data.recordings import recordings
from toolkit.errors import DatasetError

USUAL_FOLDS = 5
MANY_FOLDS = 7
"""Of a dataset with many recordings, so that about 70 % of them train and 15 % each validate and test."""
MANY_RECORDINGS = 35
"""Recordings per class from which on a seventh is enough to test on."""
LEAST_FOLDS = {"held-out": 3}
"""One fold trains, one validates, and one tests; other splits have no test part."""


@dataclass(frozen=True)
class Folds:
    """The numbers of a dataset's folds, which one is held out, and the least that the split needs."""

    numbers: tuple[int, ...]
    number: int
    least: int

    @property
    def following(self) -> int:
        """The fold after the one that is held out; the first after the last."""
        return self.numbers[(self.numbers.index(self.number) + 1) % len(self.numbers)]


def choose_folds(split: str, index: Index, folds: int | None, fold: int | None, alike: Sequence[Alike] = ()) -> Folds:
    """Return the folds that a split uses, which are those of a list where it states them.

    Without a number of folds there are five; for `held-out`, as many as the smallest class has recordings where these
    are fewer, and seven where they are many. Without a fold it is the first.

    Raises `DatasetError` if there are too few folds, no such fold, or other folds are stated.
    """
    least = LEAST_FOLDS.get(split, 2)
    stated = tuple(sorted({item.fold for item in index.items if item.fold is not None}))
    if stated and split in ("held-out", "stratified"):
        if folds not in (None, len(stated)):
            raise DatasetError(f"the list states {len(stated)} folds, not {folds}: leave --folds out")
        numbers = stated
    else:
        usual = _usual_folds(index, alike) if split == "held-out" and folds is None else USUAL_FOLDS
        numbers = tuple(range(usual if folds is None else folds))
    if len(numbers) < least:
        purpose = "train, validate and test" if least == 3 else "train and validate"
        raise DatasetError(f"{len(numbers)} folds cannot {purpose}: use {least} or more")
    number = numbers[0] if fold is None else fold
    if number not in numbers:
        shown = ", ".join(map(str, numbers)) if stated else f"0 to {numbers[-1]}"
        raise DatasetError(f"fold {number} does not exist: the {len(numbers)} folds are numbered {shown}")
    return Folds(numbers, number, least)


def assign_folds(index: Index, seed: int, folds: Folds, alike: Sequence[Alike] = ()) -> dict[str, int]:
    """Return the fold of every item by its name: the list's, or one that the seed decides.

    Classes are spread evenly; takes of one recording, equal files and pairs of `alike` are in one fold. Raises
    `DatasetError` if a class has fewer recordings than there are folds.
    """
    if all(item.fold is not None for item in index.items):
        return {item.name: item.fold for item in index.items if item.fold is not None}
    labels = {item.name: item.all_labels for item in index.items}
    groups = joined_groups(index, alike)
    for name, count in _group_counts(index, groups).items():
        if count < len(folds.numbers):
            _refuse(name, count, len(folds.numbers), folds.least)
    # Groups of several classes first, then large ones, each in an order that the seed decides.
    groups.sort(key=lambda group: hashlib.sha256(f"{seed}/{group[0]}".encode()).digest())
    groups.sort(key=lambda group: (len(_labels(group, labels)), len(group)), reverse=True)
    held: list[Counter[str]] = [Counter() for _ in folds.numbers]
    fold_of: dict[str, int] = {}
    for group in groups:
        names = _labels(group, labels)
        place = min(range(len(held)), key=lambda k: (sum(held[k][name] for name in names), held[k].total(), k))
        held[place].update(name for member in group for name in labels[member])
        fold_of |= dict.fromkeys(group, folds.numbers[place])
    return fold_of


def joined_groups(index: Index, alike: Sequence[Alike] = ()) -> list[list[str]]:
    """Return the item names in groups that share a track or recording, are equal or alike, directly or in a chain."""
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
    for pair in alike:
        parent[root(pair.second)] = root(pair.first)
    groups: dict[str, list[str]] = {}
    for item in index.items:
        groups.setdefault(root(item.name), []).append(item.name)
    return list(groups.values())


def _usual_folds(index: Index, alike: Sequence[Alike]) -> int:
    """Return how many folds `held-out` has where no number is set."""
    name, count = min(_group_counts(index, joined_groups(index, alike)).items(), key=lambda entry: entry[1])
    if count < LEAST_FOLDS["held-out"]:
        _refuse(name, count, LEAST_FOLDS["held-out"], LEAST_FOLDS["held-out"])
    return MANY_FOLDS if count >= MANY_RECORDINGS else min(count, USUAL_FOLDS)


def _group_counts(index: Index, groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """Return how many groups hold an item of each class."""
    labels = {item.name: item.all_labels for item in index.items}
    counts = Counter(name for group in groups for name in _labels(group, labels))
    return {name: counts[name] for name in index.classes}


def _labels(group: Sequence[str], labels: dict[str, tuple[str, ...]]) -> set[str]:
    return {name for member in group for name in labels[member]}


def _refuse(name: str, count: int, folds: int, least: int) -> None:
    hint = "add files"
    if count > 1:
        hint += f", or use --folds {count}" if count >= least else f", or use --split stratified --folds {count}"
    raise DatasetError(
        f"class {name} has {count} separate recordings (takes of one, by their names or contents, count once), "
        f"too few for {folds} folds: {hint}"
    )
