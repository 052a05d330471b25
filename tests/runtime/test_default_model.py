"""The model that comes with the package: its card is honest, and it does what the card says."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import Classifier
from runtime.default_model import PRETRAINED
from toolkit.artifact.file import read_model
from toolkit.data.dataset import build_index
from toolkit.data.features import load_windows
from toolkit.data.splits import make_split


def test_its_card_says_what_it_is() -> None:
    card = read_model(PRETRAINED).card
    assert (card.model, card.precision, card.split.name) == ("gtzanet", "float16", "fault-filtered")
    assert len(card.labels) == 10 and not card.dataset.synthetic
    assert "without cleared rights" in card.dataset.notice and card.accuracy and card.accuracy.part == "validation"


@pytest.mark.gtzan
@pytest.mark.slow
def test_it_is_as_good_as_its_card_says(gtzan_root: Path) -> None:
    classifier = Classifier.load()
    index = build_index(gtzan_root)
    split, items = make_split("fault-filtered", index), index.by_name
    validation = [items[name] for name in split.validation]
    pictures = load_windows(index, validation, classifier.card.front_end).values
    predicted_labels = [int(classifier.classify_picture(picture).argmax()) for picture in pictures]
    right = sum(
        classifier.labels[place] == item.label for place, item in zip(predicted_labels, validation, strict=True)
    )
    accuracy = classifier.card.accuracy
    assert accuracy and (right, len(predicted_labels)) == (accuracy.correct, accuracy.n)
    assert split.digest == classifier.card.split.digest
