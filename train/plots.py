"""The pictures of a run: curves of loss and accuracy, and the confusion matrix."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from toolkit.error_text import first_line
from toolkit.files import atomic_path

METADATA = {"Software": None}
SHARE = (-0.03, 1.03)
"""Limits of an axis from 0 to 1, with room for the markers at both ends."""


def save_plot(plot: Callable[..., None], *values: Any) -> None:
    """Call `plot(*values)`, the last of which is the path; a failure is one line on stderr, and never a run's end."""
    try:
        plot(*values)
    except Exception as error:
        print(f"warning: {values[-1]}: this picture could not be plotted ({first_line(error)})", file=sys.stderr)
        plt.close("all")


def plot_history(history: list[dict[str, Any]], path: Path) -> None:
    """Plot loss, accuracy or mean average precision, and learning rate over the epochs."""
    epochs = [entry["epoch"] for entry in history]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for axes, quantity in ((left, "loss"), (middle, "mAP" if "val_mAP" in history[0] else "accuracy")):
        if quantity in history[0]:
            axes.plot(epochs, [entry[quantity] for entry in history], marker=".", label="training")
        axes.plot(epochs, [entry[f"val_{quantity}"] for entry in history], marker=".", label="validation")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.legend(loc="best" if quantity == "loss" else "lower right")
    middle.set_ylim(*SHARE)
    right.plot(epochs, [entry["learning_rate"] for entry in history], marker=".", drawstyle="steps-mid")
    right.set(xlabel="epoch", ylabel="learning rate", yscale="log")
    for axes in (left, middle, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    _save(figure, path)


def plot_strengths(trials: list[dict[str, Any]], score: str, path: Path) -> None:
    """Plot loss and score over the regularisation of the heads that were compared, those with a hidden layer dashed."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for hidden in sorted({trial["hidden"] for trial in trials}):
        chosen = [trial for trial in trials if trial["hidden"] == hidden]
        strengths, style = [trial["strength"] for trial in chosen], {"marker": ".", "ls": "--" if hidden else "-"}
        layer = f", {hidden} hidden units" * bool(hidden)
        for axes, quantity in zip(panels, ("loss", "score"), strict=True):
            axes.plot(strengths, [trial[quantity] for trial in chosen], label=f"training{layer}", **style)
            axes.plot(strengths, [trial[f"val_{quantity}"] for trial in chosen], label=f"validation{layer}", **style)
    for axes, name in zip(panels, ("loss", score), strict=True):
        axes.set(xlabel="C, the inverse of the regularisation", ylabel=name, xscale="log")
        axes.legend(loc="best" if name == "loss" else "lower right")
    panels[1].set_ylim(*SHARE)
    _save(figure, path)


def plot_shots(value: dict[str, Any], title: str, path: Path) -> None:
    """Plot accuracy against clips per class: the mean, its interval, and the middle 95 % of the draws as a band."""
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    counts = [entry["shots"] for entry in value["shots"]]
    for name in value["parts"]:
        means, draws, wilson = (
            np.array([entry[name][key] for entry in value["shots"]]) for key in ("mean", "draws95", "wilson95")
        )
        spread = np.abs(wilson - means[:, np.newaxis]).T
        (line, *_) = axes.errorbar(counts, means, spread, marker=".", capsize=3, label=name)
        axes.fill_between(counts, *draws.T, color=line.get_color(), alpha=0.15)
    axes.set(xlabel="training clips per class", ylabel="accuracy", xscale="log", ylim=SHARE)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_title(title, parse_math=False)
    axes.legend(loc="lower right", title="bars: 95 % Wilson; bands: middle 95 % of the draws")
    _save(figure, path)


def plot_confusion(confusion: list[list[int]], classes: list[str], title: str, path: Path) -> None:
    """Plot a confusion matrix with its counts: rows are true classes, columns predicted ones."""
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    largest = max(max(row) for row in confusion) or 1
    axes.imshow(confusion, cmap="Blues", vmin=0, vmax=largest)
    for i, row in enumerate(confusion):
        for j, count in enumerate(row):
            if count:
                axes.text(j, i, str(count), ha="center", va="center", color="white" if count > largest / 2 else "black")
    ticks = range(len(classes))
    # Names are shown as they are: matplotlib reads what stands between two dollar signs as a formula.
    axes.set_xticks(ticks, classes, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(ticks, classes, parse_math=False)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(title, parse_math=False)
    _save(figure, path)


def plot_batch(before: np.ndarray, labels: Sequence[str], after: np.ndarray, soft: Sequence[str], path: Path) -> None:
    """Plot pictures or grids (n, rows, columns, channels) in columns: each as it is read, and below as it is trained.

    A grid's lowest band is at the bottom, and all grids have the colours of one scale.
    """
    columns = min(4, len(before))
    rows = 2 * math.ceil(len(before) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.4 * columns, 2.2 * rows), layout="constrained", squeeze=False)
    options = {"cmap": "magma", "origin": "lower", "aspect": "auto", "vmin": before.min(), "vmax": before.max()}
    for place in range(rows * columns // 2):
        row, column = 2 * (place // columns), place % columns
        for side, (values, texts) in enumerate(((before, labels), (after, soft))):
            cell = axes[row + side, column]
            cell.set_axis_off()
            if place >= len(before):
                continue
            grid = values.shape[-1] == 1
            cell.imshow(*((values[place, ..., 0],) if grid else (values[place] / 255,)), **(options if grid else {}))
            cell.set_title(texts[place], fontsize=8, parse_math=False)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata=METADATA)
    plt.close(figure)
