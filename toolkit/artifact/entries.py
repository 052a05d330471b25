"""What every model file holds besides the model: the card and the labels, two texts that must agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from toolkit.artifact.card import Card
from toolkit.errors import ArtifactError

CARD_NAME = "card.json"
LABELS_NAME = "labels.txt"
MAX_ENTRY = 1 << 20
"""Bytes that either text may have."""
MAX_ENTRIES = 16


class Archive(NamedTuple):
    """What is in a model file: the card, and where the texts start, which is the size of the model proper."""

    card: Card
    start: int


def labels_text(labels: Sequence[str]) -> str:
    """Return labels.txt: a label a line, in the order of the output."""
    return "".join(f"{label}\n" for label in labels)


def texts(card: Card) -> tuple[tuple[str, str], ...]:
    """Return the (name, text) pairs that describe a model, in the order in which they are written."""
    return (LABELS_NAME, labels_text(card.labels)), (CARD_NAME, card.to_json())


def check_names(path: Path, names: Sequence[str], where: str) -> None:
    """Raise `ArtifactError` unless there are at most `MAX_ENTRIES` names, and each text's name once."""
    if len(names) > MAX_ENTRIES:
        raise ArtifactError(f"{path}: its {where} has {len(names)} entries, more than {MAX_ENTRIES}")
    for name in (CARD_NAME, LABELS_NAME):
        if names.count(name) != 1:
            raise ArtifactError(
                f"{path}: its {where} has {names.count(name)} {name}, not one; export it with `python -m export`"
            )


def decode(path: Path, name: str, data: bytes) -> str:
    """Return a text's bytes as text; raise `ArtifactError` where they are too many or no UTF-8."""
    if len(data) > MAX_ENTRY:
        raise ArtifactError(f"{path}: {name} is larger than {MAX_ENTRY} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ArtifactError(f"{path}: {name} is not UTF-8 text") from None


def parse(path: Path, labels: str, card_text: str, start: int) -> Archive:
    """Return the archive that two texts describe; raise `ArtifactError` where they are malformed or disagree."""
    try:
        card = Card.from_json(card_text)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None
    if labels != labels_text(card.labels):
        raise ArtifactError(f"{path}: {LABELS_NAME} and the card name different labels; export the model again")
    return Archive(card, start)
