"""What is in a folder of audio files or pictures: classes, tracks, unreadable files and exact duplicates.

A dataset is a folder with one subfolder per class, or with folders such as `train` and `test` that hold these. GTZAN's
own folder, which holds `images_original` (pictures) and `genres_original` (audio files), is one, too.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from toolkit.audio import decode
from toolkit.data.folder_tree import read_tree, shown_name
from toolkit.data.groups import with_groups
from toolkit.data.labelled import LabelledFile
from toolkit.data.listing import is_list, read_listing
from toolkit.errors import DatasetError, GtzanetError
from toolkit.files import digest_of, file_digest
from toolkit.frontend.picture import check_pillow, read_png
from toolkit.parallel import Progress, map_threads

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SUFFIXES = {"pictures": frozenset({".png"}), "audio": decode.SUFFIXES}


@dataclass(frozen=True, slots=True)
class Item:
    """One usable file: its path below the root, the SHA-256 of its bytes, what is doubtful about it.

    `group` is its recording where all files' are stated; `fold`, `part` and `labels` are those of `LabelledFile`.
    """

    name: str
    label: str
    track: str
    digest: str
    warnings: tuple[str, ...] = ()
    group: str = ""
    fold: int | None = None
    part: str = ""
    labels: tuple[str, ...] = ()

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Its classes: one, or several where files may have several."""
        return self.labels or (self.label,)


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
    is_list
        Whether a CSV file states the files and their labels.
    """

    root: Path
    kind: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    bad: tuple[BadFile, ...]
    duplicates: tuple[tuple[str, ...], ...]
    parts: tuple[tuple[str, str], ...] = ()
    is_list: bool = False

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the kind, the classes and every item's name and digest; a list's labels, too."""
        names = [[item.name, item.digest] for item in self.items]
        value = {"kind": self.kind, "classes": list(self.classes), "items": names}
        labels = [[item.label, *item.labels] for item in self.items]
        return digest_of(value | {"labels": labels} if self.is_list else value)

    @cached_property
    def by_name(self) -> dict[str, Item]:
        """The items by their names."""
        return {item.name: item for item in self.items}

    @property
    def multi_label(self) -> bool:
        """Whether an item may have several labels."""
        return any(item.labels for item in self.items)

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
        items_by_label = Counter(label for item in self.items for label in item.all_labels)
        return {name: items_by_label[name] for name in self.classes}

    def path(self, item: Item) -> Path:
        """Return where an item's file is."""
        return self.root / item.name


def build_index(
    root: Path | str,
    kind: str | None = None,
    progress: Progress | None = None,
    *,
    group_by: str = "",
    multi_label: bool = False,
) -> Index:
    """Read every file of a dataset and return what is there.

    Parameters
    ----------
    root
        GTZAN's folder (of which its pictures count unless `kind` is "audio"), or any folder with one subfolder per
        class, or a CSV file that lists files and labels (see `toolkit.data.listing`).
    kind
        "pictures" (288 x 432 PNG files), "audio", or None for what the folder holds.
    progress
        Called as `progress(done, total)` after every file.
    group_by
        A regular expression that finds the recording in a file's path (see `toolkit.data.groups`).
    multi_label
        Whether a list may state several labels of a file.

    Raises `DatasetError` if `root` is no folder of two or more classes of one kind, a class has no usable file, or
    `root` is a synthetic corpus that is not whole. A single unreadable file is not an error: it is listed in
    `Index.bad`.
    """
    if kind is not None and kind not in SUFFIXES:
        raise DatasetError(f"kind {kind!r} is unknown: use 'pictures' or 'audio'")
    root = Path(root)
    source = read_listing(root, multi_label=multi_label) if is_list(root) else read_tree(root, kind)
    tree, kind = source.root, kind or source.kind
    kind = kind or _only_kind(tree, source.files)
    if kind == "pictures":
        check_pillow()
    other = SUFFIXES["audio" if kind == "pictures" else "pictures"]
    files = with_groups([file for file in source.files if _suffix(file) not in other], group_by)
    results = map_threads(partial(inspect_file, tree, kind), files, progress)
    items = tuple(result for result in results if isinstance(result, Item))
    bad = tuple(BadFile(*entry) for entry in source.unreadable)
    bad += tuple(result for result in results if isinstance(result, BadFile))
    index = Index(tree.absolute(), kind, source.classes, items, bad, equal_files(items), source.parts, is_list(root))
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


def _suffix(file: LabelledFile) -> str:
    """Return what a file's name ends in, in lower case."""
    return os.path.splitext(file.name)[1].lower()


def _only_kind(tree: Path, files: Sequence[LabelledFile]) -> str:
    """Return the one kind of file that is there."""
    count = {kind: sum(_suffix(file) in suffixes for file in files) for kind, suffixes in SUFFIXES.items()}
    if all(count.values()):
        both = f"{count['pictures']} pictures and {count['audio']} audio files"
        raise DatasetError(f"{tree} holds both {both}: use --kind pictures or --kind audio")
    if not any(count.values()):
        raise DatasetError(f"{tree} holds no audio files and no PNG pictures with a label")
    return max(count, key=lambda kind: count[kind])


def inspect_file(tree: Path, kind: str, file: LabelledFile) -> Item | BadFile:
    """Read one file wholly, and return what it is or why it cannot be used."""
    name, path = file.name, tree / file.name
    shown = shown_name(name)
    if shown != name:
        return BadFile(shown, "its name is not UTF-8: rename it")
    if path.is_dir():
        return BadFile(name, "a link to a folder, which is not followed" if path.is_symlink() else "cannot be read")
    if _suffix(file) not in SUFFIXES[kind]:
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
    track = track_of(file.label, name)
    return Item(name, file.label, track, digest, warnings, file.group, file.fold, file.part, file.labels)


def equal_files(items: tuple[Item, ...]) -> tuple[tuple[str, ...], ...]:
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
