"""What texts a card may hold: such as fit one line, and labels that differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toolkit.dataclass_json import shown

MAX_LABELS = 10_000
MAX_LABEL_LENGTH = 200
MAX_TEXT_LENGTH = 1_000
JOINERS = dict.fromkeys((0x200C, 0x200D))
"""Zero-width joiner and non-joiner: letters of Persian and Indic words, and of emoji, hang on them."""


def label_problems(labels: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with a model's labels."""
    if not 2 <= len(labels) <= MAX_LABELS:
        yield f"{len(labels)} labels, not 2 to {MAX_LABELS}"
    if len(set(labels)) != len(labels):
        yield "a label occurs twice"
    for label in labels:
        if not label.translate(JOINERS).strip() or len(label) > MAX_LABEL_LENGTH or not is_one_line(label):
            yield f"label {label[:40]!r} is blank, unprintable or longer than {MAX_LABEL_LENGTH} characters"


def is_one_line(text: str) -> bool:
    """Return whether a text is printable on one line; zero-width joiners are part of it."""
    return text.translate(JOINERS).isprintable()


def text_problems(where: str, value: Any) -> Iterator[str]:
    """Yield which texts, names of fields among them, in the JSON `value` of the field `where` do not fit one line."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT_LENGTH or not is_one_line(value):
            yield f"{where} is unprintable or longer than {MAX_TEXT_LENGTH} characters ({value[:40]!r})"
    elif isinstance(value, dict):
        for name, item in value.items():
            place = f"{where}.{shown(name)}" if where else shown(name)
            yield from text_problems(place, name)
            yield from text_problems(place, item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from text_problems(f"{where}[{number}]", item)
