"""What is measured of a network whose labels do not exclude each other, and how a report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from toolkit.measure.multi_label import HALF, averages, best_thresholds, label_scores

NAMES = {"mAP": "mAP", "macro_f1": "macro F1", "micro_f1": "micro F1"}


def measure_parts(predicted: dict[str, dict[str, Any]], classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the metrics of the parts of `predictions.json`, and the thresholds that they are measured at.

    `thresholds` names for each class the probability from which on it applies: the one of the largest F1 on the
    validation part's clips. Each part has n, mAP, macro_f1, micro_f1 (see `toolkit.measure.multi_label`) and per_class,
    all of clips. Where clips have several windows, `windows` holds the same of these.
    """
    validation = predicted["validation"]
    thresholds = best_thresholds(validation["probabilities"], _truth(validation, len(classes)))
    measured = {name: _measured(part, thresholds, classes) for name, part in predicted.items()}
    for name, part in predicted.items():
        if "windows" in part:
            measured[name]["windows"] = _measured(part["windows"], thresholds, classes)
    return {"thresholds": dict(zip(classes, thresholds, strict=True)), **measured}


def _truth(part: dict[str, Any], classes: int) -> np.ndarray:
    return np.array([np.isin(np.arange(classes), numbers) for numbers in part["labels"]])


def _measured(part: dict[str, Any], thresholds: ArrayLike, classes: tuple[str, ...]) -> dict[str, Any]:
    scores = label_scores(part["probabilities"], _truth(part, len(classes)), thresholds)
    named = {name: asdict(score) for name, score in zip(classes, scores, strict=True)}
    return {"n": len(part["labels"]), **averages(scores), "per_class": named}


def summary(part: dict[str, Any]) -> str:
    """Return a part's figures in one line."""
    return ", ".join(f"{name} {part[key]:.4f}" for key, name in NAMES.items()) + f" ({part['n']} clips)"


def figures(result: dict[str, Any], parts: Sequence[str]) -> list[str]:
    """Return the table of a report, and what it says of windows, takes and thresholds."""
    lines = ["| | clips | mAP | macro F1 | micro F1 |", "|---|---|---|---|---|"]
    lines += [_row(name, result[name]) for name in parts]
    lines += [_row(f"{name}, per window", result[name]["windows"]) for name in parts if "windows" in result[name]]
    absent = [name for name, score in result["validation"]["per_class"].items() if not score["n"]]
    lines += [
        "",
        "mAP is the mean over the classes of their average precision. F1 is measured at each class's threshold, which "
        "was chosen on the validation part, whose F1 is therefore optimistic. Means leave out classes without a clip.",
    ]
    if absent:
        lines += ["", f"Without a validation clip, and so with the threshold {HALF:g}: {', '.join(absent)}."]
    return lines


def _row(name: str, part: dict[str, Any]) -> str:
    shares = " | ".join(f"{part[key]:.4f}" for key in NAMES)
    return f"| {name} | {part['n']} | {shares} |"


def class_table(part: dict[str, Any], thresholds: dict[str, float] | None = None) -> list[str]:
    """Return a table of each class's threshold, where all clips have the same, precision, recall, F1, and AP."""
    at = {} if thresholds is None else {name: f" {value:.3g} |" for name, value in thresholds.items()}
    columns = ["class", "n", *(["threshold"] if at else []), "precision", "recall", "F1", "average precision"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, score in part["per_class"].items():
        shares = " | ".join(f"{score[key]:.3f}" for key in ("precision", "recall", "f1"))
        precision = "" if score["average_precision"] is None else f"{score['average_precision']:.3f}"
        lines.append(f"| {name} | {score['n']} |{at.get(name, '')} {shares} | {precision} |")
    return lines


def runs_table(runs: Sequence[tuple[str, dict[str, Any], dict[str, Any]]]) -> str:
    """Return a table of finished runs, of each one's name and the values of its `config.json` and `metrics.json`."""
    columns = ["run", "network", "split", "seed", "part", "clips", *NAMES.values()]
    lines = [
        "# Runs whose clips may have several labels",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for name, config, metrics in runs:
        where = f"{name} | {config['model']} | {config['split']['name']} | {config['seed']}"
        lines += [_row(f"{where} | {part}", metrics[part]) for part in ("validation", "test") if metrics[part]]
    return "\n".join(lines) + "\n"


def pooled(
    predicted: Sequence[dict[str, Any]], metrics: Sequence[dict[str, Any]], classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return the metrics of the folds' predictions as one part's, each clip at the thresholds of its own fold."""
    joined = {key: [entry for part in predicted for entry in part[key]] for key in ("labels", "probabilities")}
    thresholds = [[value["thresholds"][name] for name in classes] for value in metrics]
    return _measured(joined, np.repeat(thresholds, [len(part["labels"]) for part in predicted], axis=0), classes)


def folds_tables(value: dict[str, Any]) -> list[str]:
    """Return the tables of a report over all folds, of the value of their `metrics.json`."""
    columns = ["fold", "clips", *NAMES.values(), "epochs"]
    lines = [
        "The deviation is that of a sample. Folds share training clips, so it is no standard error of the mean. A "
        "clip's labels are decided at the thresholds that its own fold chose on its validation part.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for fold in value["folds"]:
        shares = " | ".join(f"{fold[key]:.4f}" for key in NAMES)
        lines.append(f"| {fold['fold']} | {fold['n']} | {shares} | {fold['epochs']} |")
    return [*lines, "", f"## Per class, {value['part']} of all folds", "", *class_table(value["pooled"])]
