"""How good a head is that a few clips per class are enough for: accuracy against their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.files import write_json
from toolkit.measure.metrics import effective_count, wilson_interval
from train.backbones.head import Fit, clip_scores, measured_heads
from train.config import FewShot
from train.data import Dataset, Part, items_of

FILE, PLOT = "shots.json", "shots.png"
STRENGTH = 0.1
"""The inverse regularisation of these heads: a few clips leave none to choose it by, and 0.003 to 10 differ little."""


def check_shots(few_shot: FewShot, dataset: Dataset) -> None:
    """Raise `UsageError` where a class has fewer training clips than the largest K."""
    labels = Counter(item.label for item in items_of(dataset, dataset.split.train))
    name, count = min(labels.items(), key=lambda entry: entry[1])
    if few_shot.shots[-1] > count:
        raise UsageError(f"--shots {few_shot.shots[-1]}: class {name} has {count} training clips: ask for fewer")


def few_shot_curve(
    few_shot: FewShot, training: Part, parts: dict[str, Part], classes: int, seed: int
) -> dict[str, Any]:
    """Return the value of `shots.json`: for each K, how many clips of each held-out part heads on K clips have right.

    A draw is K training clips of each class at random, a function of the seed. The other parts share no recording with
    training where the split keeps them apart, and choose nothing.
    """
    counts: list[dict[str, Any]] = []
    for shots in few_shot.shots:
        correct: dict[str, list[int]] = {name: [] for name in parts}
        for draw in range(few_shot.draws):
            drawn = training.of_clips(_drawn(training.clip_labels, shots, np.random.default_rng((seed, shots, draw))))
            (head,) = measured_heads(Fit.of(drawn, classes).heads((STRENGTH,)), drawn, drawn)
            for name, part in parts.items():
                correct[name].append(int(clip_scores(head, part).sum()))
        counts.append({"shots": shots, "correct": correct})
    sizes = {
        name: {"n": len(part.names), "effective_n": effective_count(Counter(part.recordings).values())}
        for name, part in parts.items()
    }
    return summarised(counts, sizes)


def write(folder: Path, value: dict[str, Any], model: str) -> None:
    """Write the value of `shots.json` and its plot."""
    from train.plots import plot_shots, save_plot

    write_json(folder / FILE, value)
    save_plot(plot_shots, value, f"{model}, heads on a few clips per class", folder / PLOT)


def summarised(counts: list[dict[str, Any]], sizes: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return counts with the mean and deviation of accuracies over draws, and two 95 % intervals.

    `draws95` holds the middle 95 % of the draws: how much depends on which clips one happens to have. `wilson95` is
    that of the mean, of as many clips as there are independent recordings: how much depends on which are held out.
    """
    for entry in counts:
        for name, correct in entry["correct"].items():
            accuracies, effective = np.array(correct) / sizes[name]["n"], sizes[name]["effective_n"]
            mean = float(accuracies.mean())
            entry[name] = {
                "mean": mean,
                "deviation": float(accuracies.std(ddof=1)),
                "draws95": [float(value) for value in np.quantile(accuracies, (0.025, 0.975))],
                "wilson95": list(wilson_interval(mean * effective, effective)),
            }
    return {"format": 1, "strength": STRENGTH, "parts": sizes, "shots": counts}


def pooled(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the curves of all folds as one: the clips of a draw are those of that draw in every fold."""
    sizes = {
        name: {key: sum(value["parts"][name][key] for value in values) for key in ("n", "effective_n")}
        for name in values[0]["parts"]
    }
    counts = []
    for entries in zip(*(value["shots"] for value in values), strict=True):
        drawn = {name: np.sum([entry["correct"][name] for entry in entries], axis=0).tolist() for name in sizes}
        counts.append({"shots": entries[0]["shots"], "correct": drawn})
    return summarised(counts, sizes)


def table(value: dict[str, Any]) -> list[str]:
    """Return the curve as a section of a report."""
    draws = len(next(iter(value["shots"][0]["correct"].values())))
    lines = [
        "## A few clips per class",
        "",
        f"Heads (C = {value['strength']:g}) on K training clips per class, {draws} draws. The first interval is the "
        "middle 95 % of the draws, the second one the mean's, by the held-out recordings (Wilson).",
        "",
        "| K | part | accuracy | 95 % of the draws | 95 % Wilson |",
        "|---|---|---|---|---|",
    ]
    for entry in value["shots"]:
        for name in value["parts"]:
            at = entry[name]
            intervals = " | ".join("{:.3f} to {:.3f}".format(*at[key]) for key in ("draws95", "wilson95"))
            lines.append(f"| {entry['shots']} | {name} | {at['mean']:.4f} ± {at['deviation']:.4f} | {intervals} |")
    return ["", *lines, "", f"![accuracy against clips per class]({PLOT})"]


def _drawn(labels: NDArray[np.int32], shots: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the places of `shots` clips of each class, ascending."""
    chosen = [rng.choice(np.flatnonzero(labels == label), shots, replace=False) for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))
