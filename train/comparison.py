"""Networks that were trained on the same folds, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data import run_folder
from toolkit.data.dataset import GENRES
from toolkit.files import read_json
from train import folds, run
from train.backbones.chance import compared
from train.config import RunConfig

COLUMNS = (
    *("network", "folder", "accuracy, mean ± deviation of the folds", "of all clips", "95 % Wilson"),
    *("lowest fold", "model.keras", "minutes of training", "better : worse recordings than the first", "p"),
)

TRACKS = 999
"""GTZAN's, without the one whose file is damaged."""


def comparison(parents: Sequence[Path]) -> str:
    """Return Markdown tables of the finished folds in `parents`, best first: one for each set of two or more alike.

    Raises `RunError` where a fold is not finished, or damaged.
    """
    sets: dict[str, list[Path]] = {}
    for parent in parents:
        configs = [run.load_config(folder) for folder in folds.fold_folders(parent)]
        digests = [configs[0].data.digest, *(config.split.digest for config in configs)]
        sets.setdefault(" ".join(digests), []).append(parent)
    return "".join(_table(members) for members in sets.values() if len(members) > 1)


def _table(parents: Sequence[Path]) -> str:
    rows = sorted(((folds.measured(parent), parent) for parent in parents), key=lambda row: -row[0]["mean"])
    value, best = rows[0]
    lines = [
        f"# {len(value['folds'])} folds of split {value['split']}, {value['part']}: the same clips for each network",
        "",
        "Intervals count recordings. A recording is better where more of its clips are right (McNemar's exact test); "
        "folds share training clips, so that p is a guide. Minutes are those that these runs took.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    lines += [_row(value, parent, best) for value, parent in rows]
    lines += part_note(run.load_config(folds.fold_folders(best)[0]))
    return "\n".join(lines) + "\n\n"


def part_note(config: RunConfig) -> list[str]:
    """Return what to run where all of GTZAN is, of a run on a part of it; nothing of any other."""
    if config.classes != GENRES or config.data.items >= TRACKS:
        return []
    command = f"python -m train {config.model} --data DIR --split fault-filtered"
    return [
        "",
        f"These are {config.data.items} of GTZAN's {TRACKS} tracks. The result on its fault-filtered split, whose "
        f"parts share no artist, was not measured here: that takes the audio of all tracks, and `{command}`.",
    ]


def _row(value: dict[str, Any], parent: Path, best: Path) -> str:
    pooled, first, own = value["pooled"], _right(best, value["part"]), _right(parent, value["part"])
    folders = folds.fold_folders(parent)
    size = max((folder / run_folder.MODEL).stat().st_size for folder in folders)
    seconds = sum(read_json(folder / run_folder.METRICS)["seconds"] for folder in folders)
    names = sorted(first)
    better, worse, p = compared(
        [own[name][0] for name in names], [first[name][0] for name in names], [first[name][1] for name in names]
    )
    cells = [
        *(value["model"], parent.name, f"{value['mean']:.4f} ± {value['deviation']:.4f}"),
        *(
            f"{pooled['accuracy']:.4f} ({pooled['correct']}/{pooled['n']})",
            "{:.3f} to {:.3f}".format(*pooled["wilson95"]),
        ),
        *(f"{min(fold['accuracy'] for fold in value['folds']):.4f}", f"{size / 1e6:.2f} MB", f"{seconds / 60:.1f}"),
        *(("", "") if parent == best else (f"{better} : {worse}", f"{p:.2g}")),
    ]
    return f"| {' | '.join(cells)} |"


def _right(parent: Path, part: str) -> dict[str, tuple[bool, str]]:
    """Return of each clip whether its label is right, and its recording."""
    result: dict[str, tuple[bool, str]] = {}
    for folder in folds.fold_folders(parent):
        predicted = read_json(folder / run.PREDICTIONS)[part]
        right = np.array(predicted["probabilities"]).argmax(1) == np.array(predicted["labels"])
        recordings = predicted.get("recordings", predicted["names"])
        result |= dict(zip(predicted["names"], zip(right.tolist(), recordings, strict=True), strict=True))
    return result
