"""Cross-validation: a run per fold below one folder, and what they measure together."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.data import run_folder
from toolkit.data.folds import choose_folds
from toolkit.data.splits import make_split
from toolkit.errors import RunError, UsageError
from toolkit.files import read_json, write_json, write_text
from train import checkpoint, multi_label, run
from train.backbones import shots
from train.config import RunConfig
from train.data import Dataset, Listener
from train.report import SYNTHETIC_NOTE, class_table, part_notes

FOLDS = "folds.json"
"""What a folder of folds has in the place of a run's configuration: the names of its runs."""


def is_parent(folder: Path) -> bool:
    """Return whether a folder holds the runs of all folds."""
    return (folder / FOLDS).is_file()


def fold_folders(parent: Path) -> list[Path]:
    """Return the run folders of all folds; raise `RunError` where their list is damaged, or one is gone."""
    try:
        names = read_json(parent / FOLDS)["runs"]
        folders = [parent / str(name) for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{parent / FOLDS}: is damaged ({error}): start anew") from None
    if not folders:
        raise RunError(f"{parent / FOLDS}: names no runs: start anew")
    if gone := [folder for folder in folders if not folder.is_dir()]:
        raise RunError(f"{gone[0]}: this fold's folder is gone: put it back, or train all folds under another --name")
    return folders


def is_multi_label(parent: Path) -> bool:
    """Return whether the clips of the folds below `parent` may have several labels."""
    return run.load_config(fold_folders(parent)[0]).multi_label


def how_to_go_on(folder: Path, config: RunConfig) -> str:
    """Return what carries an interrupted run, or the rest of its folds, on; a head has no epochs."""
    is_head = config.backbone is not None and not any(folder.rglob(checkpoint.FILE))
    what = "fit the head anew, on the features computed so far," if is_head else "go on from the last finished epoch"
    return f"{what} with python -m train --resume {folder}"


def unfinished(parent: Path) -> list[Path]:
    """Return the run folders of the folds that are not trained to their end."""
    return [folder for folder in fold_folders(parent) if not (folder / run_folder.METRICS).exists()]


def create(root: Path, name: str | None, config: RunConfig, dataset: Dataset) -> Path:
    """Make a folder with a run folder per fold, all of one configuration but for the fold; return it.

    Raises `UsageError` if it exists.
    """
    split = config.split
    stamp = config.created.replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
    parent = root / (name or f"{stamp}-{config.model}-{split.name}-{split.folds}folds-s{config.seed}")
    if parent.exists():
        raise UsageError(f"{parent}: this exists: choose another --name, or go on with --resume {parent}")
    numbers = choose_folds(split.name, dataset.index, split.folds, split.fold, dataset.alike).numbers
    try:
        for number in numbers:
            fold = of_fold(dataset, number)
            run.create(parent, f"fold-{number}", replace(config, split=fold.split_config), fold)
        write_json(parent / FOLDS, {"format": 1, "runs": [f"fold-{number}" for number in numbers]})
    except Exception:
        shutil.rmtree(parent, ignore_errors=True)
        raise
    return parent


def of_fold(dataset: Dataset, number: int) -> Dataset:
    """Return a dataset that is split with another of its folds held out."""
    config = dataset.split_config
    split = make_split(
        config.name, dataset.index, seed=config.seed, folds=config.folds, fold=number, alike=dataset.alike
    )
    return replace(dataset, split=split, split_config=replace(config, fold=number, digest=split.digest))


def discard(parent: Path) -> None:
    """Delete the folder of folds none of which has anything to go on from."""
    kept = (checkpoint.FILE, run_folder.METRICS)
    if not any((folder / name).exists() for folder in fold_folders(parent) for name in kept):
        shutil.rmtree(parent)


def work(folder: Path, config: RunConfig, dataset: Dataset, cache: Path | None, listener: Listener) -> dict[str, Any]:
    """Train a run, or every fold below a folder of them; return the value of its `metrics.json`."""
    if is_parent(folder):
        return train_folds(folder, dataset, cache, listener)
    return run.work(folder, config, dataset, cache, listener)


def train_folds(parent: Path, dataset: Dataset, cache: Path | None, listener: Listener) -> dict[str, Any]:
    """Train every fold that is not finished, and write `report.md` and `metrics.json`; return the value of the latter.

    Raises `RunError` if another process trains these folds, or the dataset is not the one they began with.
    """
    import tf_keras

    with run.locked(parent):
        folders = unfinished(parent)
        for folder in folders:
            config = run.load_config(folder)
            fold = of_fold(dataset, config.split.fold)
            if fold.split_config.digest != config.split.digest or fold.data.digest != config.data.digest:
                raise RunError(f"{folder}: the dataset changed since this run began: restore it, or start a new run")
            listener.notice(f"{folder}: fold {config.split.fold} of {config.split.folds}")
            run.work(folder, replace(config, data=fold.data), fold, cache, listener)
            tf_keras.backend.clear_session()
        return write_report(parent)


def write_report(parent: Path) -> dict[str, Any]:
    """Write the report of the finished folds of `parent`, its plot and, last, its metrics, and return these."""
    from train.plots import plot_confusion, save_plot

    value = measured(parent)
    pooled, title = value["pooled"], f"{value['model']}, {value['part']} of all folds"
    if "confusion" in pooled:
        classes = list(pooled["per_class"])
        save_plot(plot_confusion, pooled["confusion"], classes, title, parent / "confusion.png")
    report = folds_report(value)
    if all((folder / shots.FILE).exists() for folder in fold_folders(parent)):
        curve = shots.pooled([_value(folder, shots.FILE) for folder in fold_folders(parent)])
        shots.write(parent, curve, value["model"])
        report += "\n".join(shots.table(curve)) + "\n"
    write_text(parent / run.REPORT, report)
    write_json(parent / run_folder.METRICS, value)
    return value


def measured(parent: Path) -> dict[str, Any]:
    """Return what all folds of `parent` measured together: the value of its `metrics.json`.

    Keys: model, split, part ("test", or "validation" where none tests), keep, synthetic, folds (fold, n, correct,
    accuracy, epochs of each), mean and deviation (of a sample) of the folds' accuracies, and pooled: the metrics of all
    their predictions as one part (see `train.evaluate.measure`). Of several labels a clip, the figures are those of
    `train.multi_label`, the mean is that of mAP. Raises `RunError` where a fold is not finished, or damaged.
    """
    from train.evaluate import measure

    if missing := unfinished(parent):
        total = len(fold_folders(parent))
        hint = f"go on with python -m train --resume {parent}"
        raise RunError(f"{parent}: {len(missing)} of {total} folds are not finished: {hint}")
    configs = [run.load_config(folder) for folder in fold_folders(parent)]
    metrics = [_value(folder, run_folder.METRICS) for folder in fold_folders(parent)]
    part = "test" if all(value["test"] for value in metrics) else "validation"
    predicted = [_value(folder, run.PREDICTIONS)[part] for folder in fold_folders(parent)]
    first = configs[0]
    names = tuple(multi_label.NAMES) if first.multi_label else ("accuracy", "correct")
    values = [value[part][names[0]] for value in metrics]
    return {
        "format": 1,
        "model": first.model,
        "split": first.split.name,
        "part": part,
        "keep": first.recipe.keep,
        "synthetic": first.data.synthetic,
        "folds": [
            {"fold": config.split.fold, "epochs": value["epochs"]} | {name: value[part][name] for name in ("n", *names)}
            for config, value in zip(configs, metrics, strict=True)
        ],
        "mean": statistics.mean(values),
        "deviation": statistics.stdev(values),
        "pooled": multi_label.pooled(predicted, metrics, first.classes)
        if first.multi_label
        else measure(_pooled(predicted), first.classes),
    }


def _value(folder: Path, name: str) -> Any:
    try:
        return read_json(folder / name)
    except (OSError, ValueError) as error:
        hint = f"delete {folder / run_folder.METRICS}, and train this fold again with --resume {folder.parent}"
        raise RunError(f"{folder / name}: cannot be read ({error}): {hint}") from None


def _pooled(predicted: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the predictions of several parts as one part's; their windows are left out."""
    joined = {
        name: [entry for part in predicted for entry in part[name]] for name in ("names", "labels", "probabilities")
    }
    if any("recordings" in part for part in predicted):
        joined["recordings"] = [entry for part in predicted for entry in part.get("recordings", part["names"])]
    return joined


def summary(value: dict[str, Any]) -> str:
    """Return one line on what all folds measured."""
    pooled, folds = value["pooled"], len(value["folds"])
    spread = f"{value['mean']:.4f} ± {value['deviation']:.4f} over {folds} folds"
    if "mAP" in pooled:
        return f"{value['part']}: mAP {spread}, pooled {multi_label.summary(pooled)}"
    low, high = pooled["wilson95"]
    share = f"{pooled['accuracy']:.4f} ({pooled['correct']}/{pooled['n']}, 95 % Wilson {low:.3f} to {high:.3f})"
    return f"{value['part']}: accuracy {spread}, pooled {share}"


def folds_report(value: dict[str, Any]) -> str:
    """Return the Markdown report of `measured`."""
    lines = [f"# {value['model']}, {len(value['folds'])} folds of split {value['split']}", ""]
    lines += [SYNTHETIC_NOTE, ""] if value["synthetic"] else []
    lines += [f"{summary(value)}.", ""]
    if value["part"] == "validation" and value["keep"] == "best":
        lines += ["Each fold's epoch was chosen on the clips that it is measured on: the figures are optimistic.", ""]
    lines += multi_label.folds_tables(value) if "mAP" in value["pooled"] else _tables(value)
    return "\n".join(lines) + "\n"


def _tables(value: dict[str, Any]) -> list[str]:
    pooled, classes = value["pooled"], list(value["pooled"]["per_class"])
    lines = [
        "The deviation is that of a sample. Folds share training clips, so it is no standard error of the mean. The "
        "interval is that of all clips together.",
        "",
        *(line for note in part_notes(pooled) for line in (f"{value['part']}: {note}.", "")),
    ]
    lines += ["| fold | accuracy | epochs |", "|---|---|---|"]
    lines += [
        f"| {fold['fold']} | {fold['accuracy']:.4f} ({fold['correct']}/{fold['n']}) | {fold['epochs']} |"
        for fold in value["folds"]
    ]
    lines += ["", f"## Per class, {value['part']} of all folds", "", *class_table(pooled)]
    lines += ["", "## Confusion", "", "Rows are true classes, columns predicted ones.", ""]
    lines += ["| | " + " | ".join(classes) + " |", "|---" * (len(classes) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(map(str, row))} |" for name, row in zip(classes, pooled["confusion"], strict=True)
    ]
    return [*lines, "", "![confusion](confusion.png)"]
