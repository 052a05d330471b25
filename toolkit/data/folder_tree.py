"""The class folders of a dataset and the files below them, in one order on every system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from toolkit.data.labelled import LabelledFile, LabelledFiles, check_classes
from toolkit.data.synthetic import is_unfinished
from toolkit.errors import DatasetError

GTZAN_FOLDERS = {"pictures": "images_original", "audio": "genres_original"}
PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""What folders are called that hold the parts of a dataset, each with its class folders."""
IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "icon\r"})


def read_tree(root: Path, kind: str | None) -> LabelledFiles:
    """Return the files below the class folders of `root`, or of the folder in GTZAN's that holds those of a kind.

    Raises `DatasetError` if `root` holds no two class folders, or is a synthetic corpus that is not whole.
    """
    tree, kind = _find_tree(root, kind)
    if is_unfinished(tree):
        raise DatasetError(f"{tree} is a synthetic corpus that is not whole: write it again with `synth --force`")
    parts = part_folders(tree)
    classes, unreadable = _class_names(tree, tuple(parts) or (".",))
    places = [(label, part) for label in classes for part in parts or (".",) if (tree / part / label).is_dir()]
    files = (
        LabelledFile(path.relative_to(tree).as_posix(), label, part=parts.get(part, ""))
        for label, part in places
        for path in files_below(tree / part / label)
    )
    return LabelledFiles(tree, kind, classes, tuple(files), unreadable, tuple(parts.items()))


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


def _find_tree(root: Path, kind: str | None) -> tuple[Path, str | None]:
    """Return the folder that holds the class folders, and the kind where the folder's name implies it."""
    if not root.is_dir():
        state = "is not a folder" if root.exists() else "does not exist"
        raise DatasetError(
            f"{root} {state}: name a folder that holds one subfolder per class, GTZAN's folder, or a list (.csv)"
        )
    present = {key: root / name for key, name in GTZAN_FOLDERS.items() if (root / name).is_dir()}
    if not present:
        return root, kind
    chosen = kind or next(iter(present))
    if chosen not in present:
        raise DatasetError(f"{root} has no {GTZAN_FOLDERS[chosen]}: use --kind {next(iter(present))}")
    return present[chosen], chosen


def _class_names(tree: Path, parts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the sorted names of the class folders, and (name, reason) of the entries that may or may not be one."""
    listed = {part: subfolders(tree / part) for part in parts}
    names = tuple(sorted({name for folders, _ in listed.values() for name in folders}))
    unreadable = [entry for _, entries in listed.values() for entry in entries]
    if parts != (".",):
        beside = "beside the folders of training and test, and no part"
        unreadable += [(name, beside) for name in subfolders(tree)[0] if name not in parts]
    for name in names:
        if any(os.path.isdir(tree / name / folder) for folder in GTZAN_FOLDERS.values()):
            raise DatasetError(f"{tree} holds no class folders itself: did you mean {tree / name}?")
    if not names:
        raise DatasetError(f"{tree} has no class folders: put the files of each class in a subfolder named after it")
    check_classes(f"{shown_name(str(tree))} (the folders' names are the labels)", names)
    return names, tuple(unreadable)


def _ignored(name: str) -> bool:
    """Return whether a name belongs to an operating system's own litter."""
    return name.startswith(".") or name.lower() in IGNORED_NAMES
