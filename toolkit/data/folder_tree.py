"""The class folders of a dataset and the files below them, in one order on every system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""What folders are called that hold the parts of a dataset, each with its class folders."""
IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "icon\r"})


def subfolders(tree: Path) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the sorted names of the folders in `tree`, and (name, reason) of each entry that may or may not be one."""
    names: list[str] = []
    unreadable: list[tuple[str, str]] = []
    for entry in sorted(os.scandir(tree), key=lambda entry: entry.name):
        try:
            if entry.is_dir() and not _ignored(entry.name):
                names.append(entry.name)
        except OSError as error:  # a link that leads back to itself
            unreadable.append((shown_name(entry.name), f"cannot be read ({error.strerror})"))
    return tuple(names), tuple(unreadable)


def part_folders(tree: Path) -> dict[str, str]:
    """Return which part each folder in `tree` is ("train", "validation" or "test"); none where they are no parts.

    They are parts where a training folder with class folders is beside another part's.
    """
    parts = {name: PART_NAMES[name.lower()] for name in subfolders(tree)[0] if name.lower() in PART_NAMES}
    parts = {name: part for name, part in parts.items() if subfolders(tree / name)[0]}
    return parts if "train" in parts.values() and len(set(parts.values())) > 1 else {}


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a class folder, by folder and then by name, as Keras' directory reader does.

    Folders that cannot be read, or are links, which are not followed, come last.
    """
    closed: list[str] = []
    steps = os.walk(folder, onerror=lambda error: closed.append(error.filename))
    for here, folders, names in sorted(steps, key=lambda step: step[0]):
        if any(_ignored(part) for part in Path(here).relative_to(folder).parts):
            continue
        yield from (Path(here) / name for name in sorted(names) if not _ignored(name))
        closed += [os.path.join(here, name) for name in sorted(folders) if os.path.islink(os.path.join(here, name))]
    yield from (Path(name) for name in closed if not _ignored(Path(name).name))


def shown_name(name: str) -> str:
    """Return a file's name with "?" for what is not UTF-8."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _ignored(name: str) -> bool:
    """Return whether a name belongs to an operating system's own litter."""
    return name.startswith(".") or name.lower() in IGNORED_NAMES
