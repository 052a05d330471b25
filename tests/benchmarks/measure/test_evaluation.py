"""The items that a model is judged on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.measure.evaluation import find_part, own_split
from tests.cards import example_card
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import SplitCard
from toolkit.data.dataset import Index, Item
from toolkit.data.splits import Split, make_split
from toolkit.errors import DatasetError


def an_index(classes: tuple[str, ...] = ("high", "low"), each: int = 20) -> Index:
    """Return an index of synthetic items; no file is read for a split."""
    names = [(label, f"{label}/{number:03}") for label in classes for number in range(each)]
    items = tuple(Item(f"{name}.png", label, name, f"digest of {name}") for label, name in names)
    return Index(Path("/synthetic"), "pictures", classes, items, (), ())


def a_card(split: Split, labels: tuple[str, ...] = ("high", "low")) -> Card:
    """Return a card of a model that was trained on `split`."""
    card = example_card(labels=labels)
    return replace(card, split=SplitCard(split.name, split.seed, split.digest))


@pytest.mark.parametrize(("folds", "fold"), [(5, 0), (5, 3), (4, 2), (10, 9), (2, 1)])
def test_the_fold_is_found_again(folds: int, fold: int) -> None:
    index = an_index()
    split = make_split("stratified", index, seed=7, folds=folds, fold=fold)
    part = find_part(a_card(split), index, "validation")
    assert tuple(item.name for item in part.items) == split.validation
    assert part.seen == 0


def test_truth_follows_the_order_of_the_models_labels() -> None:
    index = an_index()
    split = make_split("stratified", index)
    part = find_part(a_card(split, ("low", "high")), index, "validation")
    assert [("low", "high")[number] for number in part.truth(("low", "high"))] == [item.label for item in part.items]


def test_items_of_the_training_part_are_counted() -> None:
    index = an_index()
    card = a_card(make_split("stratified", index, seed=3, fold=1))
    assert find_part(card, index, "train").seen == 32
    other = a_card(make_split("stratified", index, seed=3, folds=4, fold=0))
    assert find_part(other, index, "validation", "stratified").seen is not None


def test_another_dataset_is_refused_unless_a_split_is_named() -> None:
    card = a_card(make_split("stratified", an_index(each=20)))
    other = an_index(each=12)
    assert own_split(card, other) is None
    with pytest.raises(DatasetError, match=r"made on other files.*--data.*--split"):
        find_part(card, other, "validation")
    assert find_part(card, other, "validation", "stratified").seen is None


def test_other_classes_are_refused() -> None:
    card = a_card(make_split("stratified", an_index()))
    with pytest.raises(DatasetError, match="classes"):
        find_part(card, an_index(("a", "b")), "validation")


def test_an_empty_part_is_refused() -> None:
    index = an_index()
    with pytest.raises(DatasetError, match="no test part.*--part"):
        find_part(a_card(make_split("stratified", index)), index, "test")
