"""Which items a model may be judged on: those of the split that its card names, rebuilt from the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.card import Card
from toolkit.data.dataset import Index, Item
from toolkit.data.splits import Split, make_split
from toolkit.errors import DatasetError

MOST_FOLDS = 10


@dataclass(frozen=True)
class EvaluationPart:
    """The items of one part of a split; `seen` of them were in the model's training part (None: not known)."""

    split: str
    name: str
    items: tuple[Item, ...]
    seen: int | None
    split_digest: str
    dataset_digest: str

    def truth(self, labels: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the items' class numbers, int64 (n,), in the order of a model's `labels`."""
        numbers = {label: number for number, label in enumerate(labels)}
        return np.array([numbers[item.label] for item in self.items], np.int64)


def find_part(card: Card, index: Index, name: str, split: str | None = None) -> EvaluationPart:
    """Return the part of the dataset to judge a model on.

    Parameters
    ----------
    name
        "train", "validation" or "test".
    split
        Use this split instead of the model's own; items the model was trained on are then counted in `Part.seen`.

    Raises
    ------
    DatasetError
        If the dataset has other classes, is not the one that the model's split was made on, or the part is empty.
    """
    if set(index.classes) != set(card.labels):
        raise DatasetError(
            f"{index.root}: its classes ({', '.join(index.classes)}) are not the model's ({', '.join(card.labels)}): "
            "name the dataset it was trained on with --data"
        )
    own = own_split(card, index)
    if split is None and own is None:
        raise DatasetError(
            f"{index.root}: the model's split ({card.split.name}) was made on other files: "
            "name the dataset it was trained on with --data (and --kind audio if it was its sounds), or say with "
            "--split which split to use here"
        )
    chosen = make_split(split, index, seed=card.split.seed or 0) if split is not None else own
    assert chosen is not None
    names = getattr(chosen, name)
    if not names:
        raise DatasetError(f"split {chosen.name} has no {name} part: choose another with --part")
    trained = None if own is None else set(own.train)
    return EvaluationPart(
        split=chosen.name,
        name=name,
        items=tuple(index.by_name[item] for item in names),
        seen=None if trained is None else sum(item in trained for item in names),
        split_digest=chosen.digest,
        dataset_digest=index.digest,
    )


def own_split(card: Card, index: Index) -> Split | None:
    """Return the split that the model was trained on, or None where this dataset does not give it.

    The card holds the split's name, seed and digest, not the fold of a "stratified" one: the folds are tried.
    """
    return next((split for split in _candidates(card, index) if split.digest == card.split.digest), None)


def _candidates(card: Card, index: Index) -> Iterator[Split]:
    """Yield the splits that the card's name and seed can mean; none where the split is not defined on this dataset."""
    numbers = [(5, 0)] + [(folds, fold) for folds in range(2, MOST_FOLDS + 1) for fold in range(folds)]
    for folds, fold in numbers if card.split.name == "stratified" else numbers[:1]:
        try:
            yield make_split(card.split.name, index, seed=card.split.seed or 0, folds=folds, fold=fold)
        except DatasetError:  # too few tracks for so many folds, or a split that only GTZAN has: not this one
            continue
