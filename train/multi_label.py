"""What is measured of a network whose labels do not exclude each other, and how a report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

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


def _measured(part: dict[str, Any], thresholds: Sequence[float], classes: tuple[str, ...]) -> dict[str, Any]:
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


def class_table(part: dict[str, Any], thresholds: dict[str, float]) -> list[str]:
    """Return a table of each class's threshold, precision, recall, F1 and average precision."""
    lines = ["| class | n | threshold | precision | recall | F1 | average precision |", "|---" * 7 + "|"]
    for name, score in part["per_class"].items():
        shares = " | ".join(f"{score[key]:.3f}" for key in ("precision", "recall", "f1"))
        precision = "" if score["average_precision"] is None else f"{score['average_precision']:.3f}"
        lines.append(f"| {name} | {score['n']} | {thresholds[name]:.3g} | {shares} | {precision} |")
    return lines
