"""The clips that the files of somebody's network are compared and calibrated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.calibration import EDGE_HERTZ, EDGE_SEED, Calibration, calibrate, choose, edge_inputs
from export.inputs import Inputs
from export.probes import PROBE_HERTZ, PROBE_SEED, probe_inputs, synthetic_sounds
from toolkit.artifact.card_sections import DatasetCard, SplitCard
from toolkit.audio.decode import SUFFIXES, load
from toolkit.data.dataset import Index, Item, build_index
from toolkit.data.features import load_windows
from toolkit.data.folder_tree import files_below
from toolkit.data.recordings import recordings
from toolkit.data.splits import make_split
from toolkit.errors import DatasetError, GtzanetError, UsageError
from toolkit.files import file_digest
from toolkit.frontend.features import features
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.windows import fitted, split_windows

MAX_SOUNDS = 100_000


@dataclass(frozen=True)
class Clips:
    """Inputs of a network, (n, ...), by name, with their labels and recordings where these are known.

    `labels` are class numbers; `truth`, (n, classes), is which labels fit, one or several.
    """

    inputs: Inputs
    names: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    truth: NDArray[np.bool_] | None = None
    recordings: tuple[str, ...] = ()
    calibration: Calibration | None = None
    dataset: DatasetCard = DatasetCard("", "", False, "")
    split: SplitCard = SplitCard("", None, "")


def probes(spec: FrontEnd, level: str) -> dict[str, Inputs]:
    """Return synthetic inputs by name."""
    if level != "waveform":
        return dict(probe_inputs(spec))
    return {name: fitted(sound, spec) for name, sound in synthetic_sounds(spec, PROBE_SEED, PROBE_HERTZ).items()}


def no_clips(spec: FrontEnd, level: str) -> Clips:
    """Return no clips."""
    return Clips(np.stack(list(probes(spec, level).values()))[:0])


def of_dataset(
    root: Path,
    split_name: str | None,
    labels: Sequence[str],
    spec: FrontEnd,
    level: str,
    count: int,
    multi_label: bool,
) -> Clips:
    """Return the validation part of a dataset, and `count` training items to calibrate on.

    Raises `DatasetError` if it cannot be read or divided, `UsageError` if a class is no label of the network.
    """
    index = build_index(root, multi_label=multi_label)
    if unknown := [name for name in index.classes if name not in labels]:
        raise UsageError(f"--data {root}: the class {unknown[0]} is none of the labels: rename the folder")
    name = split_name or ("folders" if index.parts else "stratified")
    split = make_split(name, index)
    numbers = {label: number for number, label in enumerate(labels)}
    validation, train = ([index.by_name[item] for item in part] for part in (split.validation, split.train))
    inputs, places = _windows(index, validation, spec, level)
    chosen = choose(train, max(count, len(index.classes)))
    first, places_of_first = _windows(index, chosen, spec, level)
    first = first[np.flatnonzero(np.diff(places_of_first, prepend=-1))]
    takes = recordings(index.items)
    names = tuple(validation[place].name for place in places)
    truth = np.array([[label in validation[place].all_labels for label in labels] for place in places])
    return Clips(
        inputs=inputs,
        names=names,
        labels=tuple(numbers[validation[place].label] for place in places),
        truth=truth,
        recordings=tuple(takes.get(name, name) for name in names),
        calibration=calibrate(
            chosen, first, _edges(spec, level), [] if multi_label else [numbers[item.label] for item in chosen]
        ),
        dataset=DatasetCard(index.root.name, index.digest, False, ""),
        split=SplitCard(split.name, split.seed, split.digest),
    )


def check_sources(data: Path | None, folder: Path | None) -> None:
    """Raise `UsageError` where there is no such dataset, or no sound below the folder; before a model is loaded."""
    if data is not None and not data.exists():
        raise UsageError(f"--data {data}: no such folder or list")
    if folder is not None:
        _sound_files(folder)


def _sound_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(
            f"--calibration-sounds {folder}: {'a file, not a folder' if folder.exists() else 'no such folder'}"
        )
    paths = [path for path in files_below(folder) if path.suffix.lower() in SUFFIXES]
    if not 0 < len(paths) <= MAX_SOUNDS:
        raise UsageError(f"--calibration-sounds {folder}: holds {len(paths)} audio files, not 1 to {MAX_SOUNDS}")
    return paths


def of_folder(folder: Path, spec: FrontEnd, level: str, count: int) -> Clips:
    """Return the first windows of `count` sounds below a folder, evenly spaced, which are calibrated on, too."""
    paths = _sound_files(folder)
    places = np.unique(np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int))
    items, values = [], []
    for path in (paths[place] for place in places):
        values.append(_of_file(path, spec, level)[0])
        name = path.relative_to(folder).as_posix()
        items.append(Item(name, "", name, file_digest(path)))
    inputs = np.stack(values)
    names = tuple(item.name for item in items)
    return Clips(inputs, names, calibration=calibrate(items, inputs, _edges(spec, level)))


def _windows(index: Index, items: Sequence[Item], spec: FrontEnd, level: str) -> tuple[Inputs, NDArray[np.int64]]:
    """Return the inputs of all windows of items, and the place of each one's item."""
    if level != "waveform":
        windows = load_windows(index, items, spec)
        return windows.values, windows.clips
    values = [_of_file(index.path(item), spec, level) for item in items]
    return np.concatenate([np.stack(rows) for rows in values]), np.repeat(np.arange(len(items)), list(map(len, values)))


def _of_file(path: Path, spec: FrontEnd, level: str) -> list[Inputs]:
    """Return the inputs of a sound file's windows."""
    try:
        windows = split_windows(load(path, spec.sample_rate), spec)
        if level == "waveform":
            return [fitted(window, spec) for window in windows]
        return [features(window, spec) for window in windows]
    except (GtzanetError, OSError) as error:
        raise DatasetError(f"cannot use {path}: {error}") from error


def _edges(spec: FrontEnd, level: str) -> Inputs:
    if level != "waveform":
        return edge_inputs(spec)
    return np.stack([fitted(sound, spec) for sound in synthetic_sounds(spec, EDGE_SEED, EDGE_HERTZ).values()])
