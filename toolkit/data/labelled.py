"""Files with labels, as a tree of class folders or a list states them, before any of them is read."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from toolkit.artifact.text_checks import label_problems
from toolkit.errors import DatasetError


@dataclass(frozen=True)
class LabelledFile:
    """One file and what is stated about it.

    Attributes
    ----------
    name
        Its path below the folder of all, with slashes.
    label
        Its class; of several, the first.
    group
        Its recording, where one is stated.
    fold
        Its fold, where one is stated.
    part
        "train", "validation" or "test", where one is stated.
    labels
        All its classes, where files may have several.
    """

    name: str
    label: str
    group: str = ""
    fold: int | None = None
    part: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelledFiles:
    """The files below a folder, their classes, and (name, reason) of the entries that cannot be used.

    `kind` is "pictures" or "audio" where the folder's name implies it. `parts` are the folders that are parts, each
    with its part.
    """

    root: Path
    kind: str | None
    classes: tuple[str, ...]
    files: tuple[LabelledFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()


def check_classes(source: str, names: tuple[str, ...]) -> None:
    """Raise `DatasetError` unless the names can be a model's labels; `source` is what the message begins with."""
    if len(names) == 1:
        raise DatasetError(f"{source} has one class only ({names[0]}): a classifier needs two or more classes")
    problem = next(label_problems(names), None)
    if problem:
        raise DatasetError(f"{source}: {problem}: rename it")
    spellings: dict[str, str] = {}
    for name in names:
        other = spellings.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other != name:
            raise DatasetError(f"{source}: the classes {other} and {name} differ in case only: give both one spelling")
