"""What is in a folder of audio files or pictures: classes, tracks, unreadable files and exact duplicates.

A dataset is a folder with one subfolder per class, or with folders such as `train` and `test` that hold these. GTZAN's
own folder, which holds `images_original` (pictures) and `genres_original` (audio files), is one, too.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from toolkit.artifact.text_checks import label_problems
from toolkit.audio import decode
from toolkit.data.folder_tree import files_below, part_folders, shown_name, subfolders
from toolkit.data.synthetic import is_unfinished
from toolkit.errors import DatasetError, GtzanetError
from toolkit.files import digest_of, file_digest
from toolkit.frontend.picture import check_pillow, read_png
from toolkit.parallel import Progress, map_threads

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
GTZAN_FOLDERS = {"pictures": "images_original", "audio": "genres_original"}
SUFFIXES = {"pictures": frozenset({".png"}), "audio": decode.SUFFIXES}


@dataclass(frozen=True)
class Item:
    """One usable file: its path below the tree's root, the SHA-256 of its bytes, and what is doubtful about it."""

    name: str
    label: str
    track: str
    digest: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class BadFile:
    """One file that cannot be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Index:
    """What a folder of audio files or pictures holds.

    Attributes
    ----------
    root
        The folder that holds the class folders; `root / item.name` is an item's file.
    kind
        "pictures" or "audio".
    classes
        The class folders' names, sorted; a class's place is its label number.
    items
        Usable files in the order of `image_dataset_from_directory`: by class, then by name.
    bad
        Files that cannot be used.
    duplicates
        Groups of item names whose files are equal byte for byte.
    parts
        Where the class folders lie in folders such as `train` and `test`: (folder, its part) of each.
    """

    root: Path
    kind: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    bad: tuple[BadFile, ...]
    duplicates: tuple[tuple[str, ...], ...]
    parts: tuple[tuple[str, str], ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the kind, the classes and every item's name and digest; the same wherever the folder lies."""
        names = [[item.name, item.digest] for item in self.items]
        return digest_of({"kind": self.kind, "classes": list(self.classes), "items": names})

    @cached_property
    def by_name(self) -> dict[str, Item]:
        """The items by their names."""
        return {item.name: item for item in self.items}

    @property
    def doubtful(self) -> list[str]:
        """Names of usable files that are doubtful, and why."""
        return [f"{item.name}: {warning}" for item in self.items for warning in item.warnings]

    @property
    def is_gtzan(self) -> bool:
        """Whether the classes are GTZAN's ten genres and every item is named as a GTZAN track."""
        return self.classes == GENRES and all(re.fullmatch(r"[a-z]+\.\d{5}", item.track) for item in self.items)

    def counts(self) -> dict[str, int]:
        """Return the number of items of every class."""
        items_by_label = Counter(item.label for item in self.items)
        return {name: items_by_label[name] for name in self.classes}

    def path(self, item: Item) -> Path:
        """Return where an item's file is."""
        return self.root / item.name


def build_index(root: Path | str, kind: str | None = None, progress: Progress | None = None) -> Index:
    """Read every file of a dataset and return what is there.

    Parameters
    ----------
    root
        GTZAN's folder (of which its pictures count unless `kind` is "audio"), or any folder with one subfolder per
        class.
    kind
        "pictures" (288 x 432 PNG files), "audio", or None for what the folder holds.
    progress
        Called as `progress(done, total)` after every file.

    Raises `DatasetError` if `root` is no folder of two or more classes of one kind, a class has no usable file, or
    `root` is a synthetic corpus that is not whole. A single unreadable file is not an error: it is listed in
    `Index.bad`.
    """
    if kind is not None and kind not in SUFFIXES:
        raise DatasetError(f"kind {kind!r} is unknown: use 'pictures' or 'audio'")
    tree, kind = _find_tree(Path(root), kind)
    if is_unfinished(tree):
        raise DatasetError(f"{tree} is a synthetic corpus that is not whole: write it again with `synth --force`")
    parts = part_folders(tree)
    classes, unreadable = _class_names(tree, tuple(parts) or (".",))
    folders = ((label, tree / part / label) for label in classes for part in parts or ".")
    paths = [(label, path) for label, folder in folders if folder.is_dir() for path in files_below(folder)]
    kind = kind or _only_kind(tree, [path for _, path in paths])
    if kind == "pictures":
        check_pillow()
    other = SUFFIXES["audio" if kind == "pictures" else "pictures"]
    paths = [(label, path) for label, path in paths if path.suffix.lower() not in other]
    results = map_threads(partial(_inspect, tree, kind), paths, progress)
    items = tuple(result for result in results if isinstance(result, Item))
    bad = unreadable + tuple(result for result in results if isinstance(result, BadFile))
    index = Index(tree.absolute(), kind, classes, items, bad, _duplicates(items), tuple(parts.items()))
    _check_classes(index)
    return index


def track_of(label: str, name: str) -> str:
    """Return the recording a file is of, given its class and its path below the tree's root.

    GTZAN's `blues/blues00012.png`, `blues/blues.00012.wav` and excerpts such as `blues/blues.00012.3.wav` are all of
    "blues.00012"; any other file is a recording of its own, named by its path without the suffix.
    """
    stem = PurePosixPath(name).stem
    match = re.match(rf"{re.escape(label)}\.?(\d{{5}})(?!\d)", stem)
    if label in GENRES and match:
        return f"{label}.{match[1]}"
    return str(PurePosixPath(name).with_suffix(""))


def _find_tree(root: Path, kind: str | None) -> tuple[Path, str | None]:
    """Return the folder that holds the class folders, and the kind where the folder's name implies it."""
    if not root.is_dir():
        state = "is not a folder" if root.exists() else "does not exist"
        raise DatasetError(f"{root} {state}: name a folder that holds one subfolder per class, or GTZAN's folder")
    present = {key: root / name for key, name in GTZAN_FOLDERS.items() if (root / name).is_dir()}
    if not present:
        return root, kind
    chosen = kind or next(iter(present))
    if chosen not in present:
        raise DatasetError(f"{root} has no {GTZAN_FOLDERS[chosen]}: use --kind {next(iter(present))}")
    return present[chosen], chosen


def _class_names(tree: Path, parts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[BadFile, ...]]:
    """Return the sorted names of the class folders, and the entries that may or may not be one."""
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
    if len(names) == 1:
        raise DatasetError(f"{tree} has one class only ({names[0]}): a classifier needs two or more class folders")
    problem = next(label_problems(names), None)
    if problem:
        raise DatasetError(f"{shown_name(str(tree))}: the folders' names are the labels, and {problem}: rename it")
    return names, tuple(BadFile(name, reason) for name, reason in unreadable)


def _only_kind(tree: Path, paths: list[Path]) -> str:
    """Return the one kind of file that is there."""
    count = {kind: sum(path.suffix.lower() in suffixes for path in paths) for kind, suffixes in SUFFIXES.items()}
    if all(count.values()):
        both = f"{count['pictures']} pictures and {count['audio']} audio files"
        raise DatasetError(f"{tree} holds both {both}: use --kind pictures or --kind audio")
    if not any(count.values()):
        raise DatasetError(f"{tree} holds no audio files and no PNG pictures in its class folders")
    return max(count, key=lambda kind: count[kind])


def _inspect(tree: Path, kind: str, labelled_path: tuple[str, Path]) -> Item | BadFile:
    """Read one file wholly, and return what it is or why it cannot be used."""
    label, path = labelled_path
    name = path.relative_to(tree).as_posix()
    shown = shown_name(name)
    if shown != name:
        return BadFile(shown, "its name is not UTF-8: rename it")
    if path.is_dir():
        return BadFile(name, "a link to a folder, which is not followed" if path.is_symlink() else "cannot be read")
    if path.suffix.lower() not in SUFFIXES[kind]:
        suffixes = " ".join(sorted(SUFFIXES[kind]))
        return BadFile(name, f"its name does not end as one of the {kind} that can be read ({suffixes})")
    if not path.is_file():
        return BadFile(name, "a broken link" if path.is_symlink() else "not a regular file")
    try:
        digest = file_digest(path)
        warnings = decode.check(path) if kind == "audio" else ()
        if kind == "pictures":
            read_png(path)
    except (GtzanetError, OSError) as error:
        return BadFile(name, str(error).removeprefix(f"{path}: ").replace(str(path), path.name))
    return Item(name, label, track_of(label, name), digest, warnings)


def _duplicates(items: tuple[Item, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of names whose files are equal."""
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(item.digest, []).append(item.name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def _check_classes(index: Index) -> None:
    """Refuse a class without a usable file."""
    for label, count in index.counts().items():
        if count == 0:
            unusable = [file for file in index.bad if file.name == label or f"{label}/" in file.name]
            why = f"bad files: {len(unusable)}" + "".join(f"; {bad.name}: {bad.reason}" for bad in unusable[:1])
            raise DatasetError(
                f"class {label} in {index.root} has no usable {index.kind} ({why}): add files or remove the folder"
            )
