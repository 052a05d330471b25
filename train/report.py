"""Markdown reports: one run's, and the table over many runs that stands in the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from toolkit.measure.metrics import two_proportion_z, wald_interval, wilson_interval
from train import confidence, multi_label
from train.config import Recipe, RunConfig
from train.front_end import front_end_note
from train.groups import FOLDED, SYNTHETIC, Group, gpu_name, group_runs
from train.paper import LEAK_NOTE, RESULTS, TOP5_NOTE, VALIDATION_ITEMS
from train.results import Result
from train.schedule import kept_epoch

HEADER = "| | accuracy | 95 % Wald | 95 % Wilson | true top-5 | blues in top 5 |"
RULE = "|---|---|---|---|---|---|"
SYNTHETIC_NOTE = "The clips are synthetic: these numbers show that the chain works, and nothing about music."


def run_report(
    config: RunConfig, result: dict[str, Any], history: Sequence[dict[str, Any]], sections: Sequence[str] = ()
) -> str:
    """Return one run's report; `sections` are lines on what else it measured."""
    compute, last, note = config.compute, history[-1], front_end_note(config.front_end)
    lines = [f"# {config.model}, split {config.split.name}, seed {config.seed}", ""]
    if config.data.synthetic:
        lines += [SYNTHETIC_NOTE, ""]
    lines += [
        f"{_training(config, last)}, {compute.precision} on "
        f"{gpu_name(config.to_dict()) or 'a processor'}. {note and f'The network hears a {note}. '}"
        f"{_kept_sentence(config, history)}",
        "",
    ]
    parts = [name for name in ("validation", "test") if result[name]]
    lines += multi_label.figures(result, parts) if config.multi_label else _figures(config, result, parts)
    if takes := result.get("takes"):
        sentence = (
            f"By their names, {takes['clips']} clips of the dataset are takes of {takes['recordings']} recordings"
        )
        lines += ["", sentence + (", each on one side of the split." if config.split.name in FOLDED else ".")]
    if config.split.name == "paper" and not config.multi_label:
        lines += [*_paper_rows(config.model), "", TOP5_NOTE, "", LEAK_NOTE]
    for name in parts:
        lines += ["", f"## Per class, {name}", ""]
        if config.multi_label:
            lines += multi_label.class_table(result[name], result["thresholds"])
        else:
            lines += [*class_table(result[name]), "", f"![confusion](confusion-{name}.png)"]
    if sentences := confidence.summary(result):
        lines += ["", "## Confidence", *(line for sentence in sentences for line in ("", f"{sentence}."))]
    if when := result.get("test_read"):
        lines += ["", f"The test part stayed unread until {when}, after everything was chosen."]
    lines += sections
    when = "" if "strength" in last else f" after epoch {last['epoch']}"
    losses = f"Training loss {last['loss']:.4f}, validation loss {last['val_loss']:.4f}{when}."
    lines += ["", "## History", "", "![history](history.png)", "", losses]
    lines += [
        "",
        f"Data digest `{config.data.digest}`, split digest `{config.split.digest}`, run digest `{config.digest}`.",
    ]
    return "\n".join(lines) + "\n"


def _figures(config: RunConfig, result: dict[str, Any], parts: Sequence[str]) -> list[str]:
    """Return the table of accuracies and what there is to note of each part."""
    rows = [_measured_row(name, result[name]) for name in parts]
    notes = [line for name in parts for note in part_notes(result[name]) for line in ("", f"{name}: {note}.")]
    return [HEADER.replace("blues", config.classes[0]), RULE, *rows, *notes]


def _training(config: RunConfig, last: dict[str, Any]) -> str:
    """Return how a run's weights came about."""
    if config.backbone and "strength" in last:
        units = last.get("hidden", 0)
        kind = f"A layer of {units} units and one per class" if units else "Logistic regression"
        return (
            f"{kind} with C = {last['strength']:g} on the features of a frozen backbone "
            f"({config.backbone.origin}; {config.backbone.licence} licence)"
        )
    epochs = f"{config.recipe.epochs} epoch" + "s" * (config.recipe.epochs != 1)
    if config.backbone:
        epochs = f"Blocks trained: {config.unfreeze}, of {config.backbone.origin}, {epochs}"
    return f"{epochs} of {_optimizer(config.recipe, last)}"


def _optimizer(recipe: Recipe, last: dict[str, Any]) -> str:
    rates = f"batch {recipe.batch_size}, learning rate {recipe.learning_rate:g} to {last['learning_rate']:g}"
    if recipe.optimizer == "sgd":
        return f"SGD, {rates}, momentum {recipe.momentum:g}"
    return f"AdamW, {rates}, weight decay {recipe.weight_decay:g}"


def _kept_sentence(config: RunConfig, history: Sequence[dict[str, Any]]) -> str:
    keep = config.recipe.keep
    if "strength" in history[-1]:
        return (
            "C is the smallest that is near the lowest validation loss, so that the validation figures are optimistic."
        )
    if keep == "last":
        return "The last epoch is what is reported."
    return (
        f"Epoch {kept_epoch(history, keep)} is what is reported: the best on the validation part, whose figures are "
        "therefore optimistic."
    )


def _paper_rows(model: str) -> list[str]:
    if model not in RESULTS:
        return []
    paper = RESULTS[model]
    low, high = wald_interval(paper.correct, VALIDATION_ITEMS)
    wilson = _interval(wilson_interval(paper.correct, VALIDATION_ITEMS))
    printed = f"{paper.printed_interval[0]:.3f} to {paper.printed_interval[1]:.3f}"
    accuracy = f"{paper.correct / VALIDATION_ITEMS:.4f} ({paper.correct}/{VALIDATION_ITEMS})"
    top5 = f"{paper.printed_top5 / VALIDATION_ITEMS:.4f}"
    return [
        f"| the paper, as printed | {accuracy} | {printed} | | | {top5} (printed as top-5) |",
        f"| the paper, interval corrected | {accuracy} | {low:.3f} to {high:.3f} | {wilson} | not measured | {top5} |",
    ]


def _measured_row(name: str, part: dict[str, Any]) -> str:
    accuracy = f"{part['accuracy']:.4f} ({part['correct']}/{part['n']})"
    intervals = f"{_interval(part['wald95'])} | {_interval(part['wilson95'])}"
    return f"| {name} | {accuracy} | {intervals} | {part['top5']:.4f} | {part['blues_in_top5']:.4f} |"


def part_notes(part: dict[str, Any]) -> list[str]:
    """Return a sentence each, without its full stop: means over classes, windows, takes of one recording."""
    scores = [score for score in part["per_class"].values() if score["n"]]
    means = [statistics.mean(score[name] for score in scores) for name in ("f1", "recall")]
    notes = [f"macro F1 {means[0]:.4f}, balanced accuracy {means[1]:.4f}"]
    if windows := part.get("windows"):
        notes.append(f"accuracy per window {windows['accuracy']:.4f} ({windows['correct']}/{windows['n']})")
    if recordings := part.get("recordings"):
        notes.append(
            f"the {part['n']} clips are of {recordings['n']} recordings, so that the intervals are those of "
            f"{recordings['effective_n']:g} clips (Kish's effective sample size, takes wholly alike)"
        )
    return notes


def class_table(part: dict[str, Any]) -> list[str]:
    """Return a table of each class's precision, recall and F1."""
    lines = ["| class | n | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, score in part["per_class"].items():
        shares = " | ".join(f"{score[key]:.3f}" for key in ("precision", "recall", "f1"))
        lines.append(f"| {name} | {score['n']} | {shares} |")
    return lines


def _interval(pair: Sequence[float]) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"


def results_report(runs: Sequence[Result]) -> str:
    """Return the comparison of many runs: seeds, means, the paper beside them, the z test between the networks."""
    groups = group_runs(runs)
    lines = ["# Training results", "", f"Written by `python -m train report`. {_kept_note(runs)}", ""]
    for split in dict.fromkeys(group.split for group in groups):
        lines += [f"## Split `{split}`", "", HEADER, RULE]
        chosen = [group for group in groups if group.split == split]
        for model in dict.fromkeys(group.model for group in chosen):
            for group in chosen:
                if group.model == model:
                    lines += _group_rows(group)
            if split == "paper":
                lines += _paper_rows(model)
        lines += ["", *_z_lines(chosen)]
        if any(group.synthetic for group in chosen):
            lines += [f"{SYNTHETIC}: {SYNTHETIC_NOTE}", ""]
    lines += [TOP5_NOTE, "", LEAK_NOTE, "", "## Runs", "", *_run_table(groups)]
    return "\n".join(lines) + "\n"


def _kept_note(runs: Sequence[Result]) -> str:
    if all(run.config["recipe"].get("keep", "last") == "last" for run in runs):
        return "The last epoch of every run counts; none is selected."
    best = "the best epoch on the validation part, whose figures are therefore optimistic"
    return f"The last epoch of a run counts, or, where it is marked `keep best`, {best}."


def _group_rows(group: Group) -> list[str]:
    rows = []
    for part in ("validation", "test"):
        measured = [run.metrics[part] for run in group.runs if run.metrics[part]]
        for run in group.runs:
            if run.metrics[part]:
                rows.append(_measured_row(f"{group.title}, seed {run.config['seed']}, {part}", run.metrics[part]))
        if len(measured) > 1:
            accuracies = [m["accuracy"] for m in measured]
            spread = f"{statistics.mean(accuracies):.4f} ± {statistics.stdev(accuracies):.4f}"
            top5, blues = (statistics.mean(m[key] for m in measured) for key in ("top5", "blues_in_top5"))
            seeds = {run.config["seed"] for run in group.runs}
            what = "seeds" if len(seeds) == len(group.runs) else "runs"
            title = f"**{group.title}, mean ± deviation of {len(measured)} {what}, {part}**"
            rows.append(f"| {title} | {spread} | | | {top5:.4f} | {blues:.4f} |")
    return rows


def _z_lines(groups: Sequence[Group]) -> list[str]:
    """Return a line for every pair of the two networks on the same clips, computed on the same kind of device."""
    pairs = [(a, b) for a in groups for b in groups if (a.model, b.model) == ("gtzanet", "zfnet")]
    alike = [(a, b) for a, b in pairs if (a.clips, a.gpu) == (b.clips, b.gpu) and not a.has_takes]
    lines = [line for pair in alike for line in (_z_line(*pair), "")]
    if lines and groups[0].split == "paper":
        ours, theirs = RESULTS["gtzanet"].correct, RESULTS["zfnet"].correct
        z, p = two_proportion_z(ours, VALIDATION_ITEMS, theirs, VALIDATION_ITEMS)
        lines[-2] += f" The paper's own numbers: z = {z:.2f}, p = {p:.2g}."
    return lines


def _z_line(first: Group, second: Group) -> str:
    part = "test" if all(group.runs[0].metrics["test"] for group in (first, second)) else "validation"
    # Seeds share their clips, so one seed per network is tested, not their sum.
    (k1, n1), (k2, n2) = (Group(g.model, g.split, g.runs[:1]).counts(part) for g in (first, second))
    z, p = two_proportion_z(k1, n1, k2, n2)
    seeds = " against ".join(
        f"{group.title} (seed {group.runs[0].config['seed']}, {k}/{n})"
        for group, k, n in ((first, k1, n1), (second, k2, n2))
    )
    return f"Two-proportion z test, {part}: {seeds}: z = {z:.2f}, p = {p:.2g}."


def _first_fall(history: Sequence[dict[str, Any]]) -> str:
    """Return the epoch after which the learning rate first fell, "-" where it never did."""
    rates = [entry["learning_rate"] for entry in history if "learning_rate" in entry]
    return next((str(epoch) for epoch in range(1, len(rates)) if rates[epoch] < rates[epoch - 1]), "-")


def _run_table(groups: Sequence[Group]) -> list[str]:
    head = ["run", "model", "split", "seed", "epochs", "computed on", "precision", "rate first falls after"]
    head += ["final training loss", "digest"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for group in groups:
        for run in group.runs:
            config, metrics = run.config, run.metrics
            cells = [run.name, group.title, group.split, config["seed"], metrics["epochs"]]
            cells += [gpu_name(config) or "processor", config["compute"]["precision"], _first_fall(run.history)]
            cells += [f"{metrics['final']['loss']:.4f}", f"`{config['digest'][:12]}`"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines
