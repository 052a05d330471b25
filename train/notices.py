"""What a run reports at its start of its clips: which are left out, parts, recordings, windows, class names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from toolkit.data.splits import PARTS
from toolkit.data.statistics import measure, warnings
from toolkit.frontend.spec import FrontEnd
from train.data import Dataset, Part

MOST_LINES = 10
MOST_EXAMPLES = 3
IMBALANCE = 1.5
SAMPLE = 200
"""Clips whose length is looked at: reading all of a large dataset once more would take minutes."""
RUNTIME_WORDS = ("silence", "unknown")
"""What the runtime calls a window below `--silence`, and a label below `--min-confidence`."""


def dataset_notices(dataset: Dataset, *, chosen: bool) -> Iterator[str]:
    """Yield a sentence for each thing that may surprise; `chosen` where the user named the split."""
    index, split = dataset.index, dataset.split
    yield from _listed("left out", [f"{bad.name}: {bad.reason}" for bad in index.bad])
    yield from _listed("doubtful", index.doubtful)
    yield from _listed(
        "left out", [f"{track}: the split names it, but the dataset does not have it" for track in split.missing]
    )
    if index.parts and not chosen:
        folders = ", ".join(folder for folder, _ in index.parts)
        yield f"split folders: the dataset's folders {folders} are the parts (--split stratified divides all anew)"
    if split.name in ("folders", "listed") and split.seed is not None:
        clips = f"{len(split.validation)} clips of the training part validate"
        yield f"split {split.name}: {clips}, as there is no part for that"
    if split.name in ("held-out", "listed") and not chosen:
        sizes = f"{len(split.train)} clips train, {len(split.validation)} validate and {len(split.test)} test"
        yield f"split {split.name}: {sizes} (--split chooses another)"
    yield from _recording_notices(dataset)
    yield from _duplicate_notices(dataset)
    yield from _alike_notices(dataset)
    for name in index.classes:
        if name.lower() in RUNTIME_WORDS:
            yield (
                f"class {name}: this name is special: the runtime itself reports silence for windows below "
                "--silence, and unknown for labels below --min-confidence"
            )


def _listed(what: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"{what}: {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"{what}: {len(lines) - MOST_LINES} more (python -m toolkit dataset shows the dataset)"


def _recording_notices(dataset: Dataset) -> Iterator[str]:
    """Yield what the takes of one recording mean for the split."""
    recordings, split = dataset.recordings, dataset.split
    if not recordings:
        return
    first = next(iter(recordings))
    second = next(name for name in recordings if name != first and recordings[name] == recordings[first])
    kept = ", and each stays on one side of the split" if split.name in ("stratified", "held-out") else ""
    count, source = len(set(recordings.values())), "as stated" if dataset.index.items[0].group else "by their names"
    yield f"recordings: {source}, {len(recordings)} clips are takes of {count} ({first}, {second}){kept}"
    trained = {recordings.get(name) for name in split.train} - {None}
    shared = sum(recordings.get(name) in trained for name in (*split.validation, *split.test))
    if shared:
        yield f"recordings: clips that validate or test and have takes in training: {shared}; accuracy is optimistic"


def _duplicate_notices(dataset: Dataset) -> Iterator[str]:
    """Yield how many equal files are on both sides of the split, and how many are in two classes."""
    split, label = dataset.split, {item.name: frozenset(item.all_labels) for item in dataset.index.items}
    train, held_out = set(split.train), {*split.validation, *split.test}
    groups = [set(names) for names in dataset.index.duplicates]
    shared = sum(len(names & held_out) for names in groups if names & train)
    if shared:
        yield f"duplicates: files that validate or test and are in training, too: {shared}; accuracy is optimistic"
    torn = sum(len({label[name] for name in names}) > 1 for names in groups)
    if torn:
        yield f"duplicates: {torn} sets of equal files are in several classes (python -m toolkit dataset lists them)"


def _alike_notices(dataset: Dataset) -> Iterator[str]:
    """Yield which files sound the same, and whether they are on both sides of the split."""
    if not dataset.alike:
        return
    train = set(dataset.split.train)
    torn = [pair for pair in dataset.alike if (pair.first in train) != (pair.second in train)]
    examples = ", ".join(str(pair) for pair in (torn or dataset.alike)[:MOST_EXAMPLES])
    if torn:
        held_out = len({name for pair in torn for name in (pair.first, pair.second)} - train)
        yield (
            f"near-duplicates: clips that validate or test and sound as one in training: {held_out} ({examples}); "
            "accuracy is optimistic"
        )
    else:
        kept = ", and each pair is on one side of the split"
        yield f"near-duplicates: pairs of clips that sound the same: {len(dataset.alike)} ({examples}){kept}"


def imbalance(dataset: Dataset) -> str | None:
    """Return a sentence where the classes' shares of the training part differ so much that weights are due, or None.

    The paper's own split never has them.
    """
    label = {item.name: item.label for item in dataset.index.items}
    ranked = Counter(label[name] for name in dataset.split.train).most_common()
    if dataset.split.name == "paper" or not ranked or ranked[0][1] <= IMBALANCE * ranked[-1][1]:
        return None
    (most, many), (least, few) = ranked[0], ranked[-1]
    return f"classes: {many} clips of {most} and {few} of {least} train, so that --class-weights balanced is used"


def fit_notices(dataset: Dataset, spec: FrontEnd) -> Iterator[str]:
    """Yield where the front end's windows, or its rate, do not suit the clips, by a sample of them."""
    index = dataset.index
    if index.kind == "audio":
        sample = index.items[:: -(-len(index.items) // SAMPLE)]
        yield from (f"front end: {sentence}" for sentence in warnings(measure(replace(index, items=sample), spec)))


def window_notices(parts: dict[str, Part], spec: FrontEnd, crops: float = 0) -> Iterator[str]:
    """Yield how many windows the clips have, where one is longer than a window; with `crops`, an epoch sees some."""
    for name in PARTS:
        if name in parts and parts[name].has_long_clips:
            part = parts[name]
            trained = "an epoch sees some of them" if crops else "all are trained on"
            use = trained if name == "train" else "a clip's label is that of their mean probabilities"
            yield (
                f"windows: {len(part.names)} clips of {name} have {len(part.clips)} windows of "
                f"{spec.window_seconds:g} s ({part.values.nbytes / 1e6:.0f} MB): {use}"
            )
