"""A folder of sounds that are none of a dataset's classes, as one more class of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

from toolkit.data.dataset import Index, Item, equal_files, inspect_file
from toolkit.data.folder_tree import files_below
from toolkit.data.labelled import LabelledFile, check_classes
from toolkit.data.recordings import recordings
from toolkit.errors import DatasetError, UsageError
from toolkit.parallel import Progress, map_threads

BACKGROUND = "background"


@dataclass(frozen=True)
class IndexWithNegatives(Index):
    """An index whose class `background` lies in a folder of its own: an item `<background>/x` is `negatives / "x"`."""

    negatives: Path = Path()
    background: str = BACKGROUND

    def path(self, item: Item) -> Path:
        """Return where an item's file is."""
        if item.label == self.background:
            return self.negatives / item.name.removeprefix(f"{self.background}/")
        return super().path(item)


def with_negatives(
    index: Index, folder: Path, name: str = BACKGROUND, progress: Progress | None = None
) -> IndexWithNegatives:
    """Return an index with the audio files below a folder, at any depth, as one more class.

    Where the dataset states parts or folds, negatives get them in the same proportions, by their names; takes of one
    recording are together. What else lies in the folder is listed in `Index.bad`. `progress(done, total)` is called
    after every file.

    Raises `UsageError` if `folder` is no folder, or is in the dataset or around it, and `DatasetError` if the dataset
    holds pictures or the class, or no file in the folder is a sound that can be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one that holds sounds of none of the classes")
    if index.kind != "audio":
        raise DatasetError(
            f"{index.root} holds pictures, to which sounds of no class cannot be added: use --kind audio"
        )
    here, there = folder.resolve(), index.root.resolve()
    if here in (there, *there.parents) or there in here.parents:
        raise UsageError(f"{folder} and the dataset {index.root} lie in one another: move the sounds of no class away")
    if name in index.classes:
        raise DatasetError(f"{index.root} has a class {name} already: add the sounds of no class to its files")
    check_classes(str(index.root), (*index.classes, name))
    files = [LabelledFile(path.relative_to(folder).as_posix(), name) for path in files_below(folder)]
    results = map_threads(partial(inspect_file, folder, "audio"), files, progress)
    unusable = tuple(replace(bad, name=f"{name}/{bad.name}") for bad in results if not isinstance(bad, Item))
    negatives = _as_stated([item for item in results if isinstance(item, Item)], index, name)
    if not negatives:
        why = f" ({unusable[0].name}: {unusable[0].reason})" if unusable else ""
        raise DatasetError(f"{folder} holds no audio file that can be read{why}: name a folder with sounds of no class")
    values = {field.name: getattr(index, field.name) for field in fields(Index)}
    values["classes"] = tuple(sorted((*index.classes, name)))
    values["items"] = items = (*index.items, *negatives)
    values |= {"bad": index.bad + unusable, "duplicates": equal_files(items)}
    return IndexWithNegatives(**values, negatives=folder.absolute(), background=name)


def _as_stated(negatives: Sequence[Item], index: Index, name: str) -> list[Item]:
    """Return negatives with what the dataset states of its items: each takes after one that its name chooses."""
    items = [replace(item, name=f"{name}/{item.name}", track=f"{name}/{item.track}") for item in negatives]
    takes, result = recordings(items), []
    for item in items:
        recording = takes.get(item.name, item.name)
        model = index.items[int(hashlib.sha256(recording.encode()).hexdigest(), 16) % len(index.items)]
        group, labels = recording if model.group else "", (name,) if index.multi_label else ()
        result.append(replace(item, group=group, labels=labels, part=model.part, fold=model.fold))
    return result
