"""Markdown reports: one run's, and the table over many runs that stands in the documentation."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.files import canonical_json
from toolkit.measure.metrics import two_proportion_z, wald_interval, wilson_interval
from train.config import Recipe, RunConfig
from train.paper import LEAK_NOTE, RESULTS, TOP5_NOTE, VALIDATION_ITEMS
from train.results import Result

HEADER = "| | accuracy | 95 % Wald | 95 % Wilson | true top-5 | blues in top 5 |"
RULE = "|---|---|---|---|---|---|"
SYNTHETIC = "SYNTHETIC"
SYNTHETIC_NOTE = "The clips are synthetic: these numbers say that the chain works, and nothing about music."


def run_report(config: RunConfig, result: dict[str, Any], history: Sequence[dict[str, Any]]) -> str:
    """Return one run's report."""
    recipe, compute, last = config.recipe, config.compute, history[-1]
    lines = [f"# {config.model}, split {config.split.name}, seed {config.seed}", ""]
    if config.data.synthetic:
        lines += [SYNTHETIC_NOTE, ""]
    epochs = f"{recipe.epochs} epoch" + "s" * (recipe.epochs != 1)
    lines += [
        f"{epochs} of SGD, batch {recipe.batch_size}, learning rate {recipe.learning_rate:g} to "
        f"{last['learning_rate']:g}, momentum {recipe.momentum:g}, {compute.precision} on "
        f"{_gpu(config.to_dict()) or 'a processor'}. "
        "The last epoch is what is reported.",
        "",
        HEADER.replace("blues", config.classes[0]),
        RULE,
    ]
    for name in ("validation", "test"):
        if result[name]:
            lines.append(_measured_row(name, result[name]))
    if config.split.name == "paper":
        lines += [*_paper_rows(config.model), "", TOP5_NOTE, "", LEAK_NOTE]
    for name in ("validation", "test"):
        if result[name]:
            lines += [
                "",
                f"## Per class, {name}",
                "",
                *_class_table(result[name]),
                "",
                f"![confusion](confusion-{name}.png)",
            ]
    lines += ["", "## History", "", "![history](history.png)", "", f"Training loss {last['loss']:.4f}, "]
    lines[-1] += f"validation loss {last['val_loss']:.4f} after epoch {last['epoch']}."
    lines += [
        "",
        f"Data digest `{config.data.digest}`, split digest `{config.split.digest}`, run digest `{config.digest}`.",
    ]
    return "\n".join(lines) + "\n"


def _paper_rows(model: str) -> list[str]:
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


def _class_table(part: dict[str, Any]) -> list[str]:
    lines = ["| class | n | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, score in part["per_class"].items():
        lines.append(
            f"| {name} | {score['n']} | {score['precision']:.3f} | {score['recall']:.3f} | {score['f1']:.3f} |"
        )
    return lines


def _interval(pair: Sequence[float]) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"


@dataclass(frozen=True)
class Group:
    """Finished runs that differ in their seed alone.

    `note` tells what is not as in the paper's recipe: "" or, say, " (SYNTHETIC, epochs 12)".
    """

    model: str
    split: str
    runs: tuple[Result, ...]
    note: str = ""

    @property
    def title(self) -> str:
        """The network's name with the note."""
        return self.model + self.note

    @property
    def synthetic(self) -> bool:
        """Whether the clips were made by the computer."""
        return bool(self.runs[0].config["data"]["synthetic"])

    @property
    def clips(self) -> str:
        """What says which clips train and validate, and how they are drawn: equal for runs on the same."""
        return _clips(self.runs[0].config)

    @property
    def gpu(self) -> str:
        """The name of the GPU that the runs were computed on; "" for a processor's."""
        return _gpu(self.runs[0].config)

    def counts(self, part: str) -> tuple[int, int]:
        """Return (correct, n) summed over the runs' part."""
        measured = [run.metrics[part] for run in self.runs]
        return sum(m["correct"] for m in measured), sum(m["n"] for m in measured)


def _clips(config: dict[str, Any]) -> str:
    data, front_end = config["data"], config["front_end"]
    return canonical_json([data["synthetic"], data["digest"], config["split"]["digest"], front_end])


def group_runs(runs: Sequence[Result]) -> list[Group]:
    """Gather runs by all that must be equal for them to be compared, in a fixed order.

    That is: split and fold, network, recipe, GPU, precision, data (its digest, and whether it is synthetic), front end.
    """
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for run in runs:
        config, split = run.config, run.config["split"]
        fold = (split["seed"], split["folds"], split["fold"]) if split["name"] == "stratified" else ()
        recipe, computed = config["recipe"], (_gpu(config), config["compute"]["precision"])
        key = (split["name"], config["model"], run.metrics["epochs"], *computed, fold, canonical_json(recipe))
        groups.setdefault((*key, _clips(config)), []).append(run)
    several = len({run.config["data"]["digest"] for run in runs}) > 1
    return [
        Group(key[1], key[0], tuple(sorted(found, key=lambda run: run.config["seed"])), _note(found[0], several))
        for key, found in sorted(groups.items())
    ]


def _gpu(config: dict[str, Any]) -> str:
    """Return the name of the GPU that a run was computed on; "" for a processor's run."""
    return str(config["versions"].get("gpu", "a GPU")) if config["compute"]["device"] == "gpu" else ""


def _note(run: Result, several: bool) -> str:
    """Return what tells a run's group from the others of its network and split; its data where there are several."""
    config, split, recipe = run.config, run.config["split"], Recipe(**run.config["recipe"])
    notes = [SYNTHETIC] if config["data"]["synthetic"] else []
    if split["name"] == "stratified":
        notes.append(f"fold {split['fold']} of {split['folds']}, split seed {split['seed']}")
    for name, usual in asdict(Recipe()).items():
        value = getattr(recipe, name)
        if value != usual:
            notes.append(f"{name.replace('_', ' ')} {value:g}")
    if gpu := _gpu(config):
        notes.append(gpu)
    if config["compute"]["precision"] != "float32":
        notes.append(config["compute"]["precision"])
    if several:
        notes.append(f"data {config['data']['digest'][:8]}")
    return f" ({', '.join(notes)})" if notes else ""


def results_report(runs: Sequence[Result]) -> str:
    """Return the comparison of many runs: seeds, means, the paper beside them, the z test between the networks."""
    groups = group_runs(runs)
    lines = [
        "# Training results",
        "",
        "Written by `python -m train report`. The last epoch of every run counts; none is selected.",
        "",
    ]
    for split in dict.fromkeys(group.split for group in groups):
        lines += [f"## Split `{split}`", "", HEADER, RULE]
        chosen = [group for group in groups if group.split == split]
        for model in dict.fromkeys(group.model for group in chosen):
            for group in chosen:
                if group.model == model:
                    lines += _group_rows(group)
            if split == "paper" and model in RESULTS:
                lines += _paper_rows(model)
        lines += ["", *_z_lines(chosen)]
        if any(group.synthetic for group in chosen):
            lines += [f"{SYNTHETIC}: {SYNTHETIC_NOTE}", ""]
    lines += [TOP5_NOTE, "", LEAK_NOTE, "", "## Runs", "", *_run_table(groups)]
    return "\n".join(lines) + "\n"


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
    lines = []
    for first in groups:
        for second in groups:
            alike = first.clips == second.clips and first.gpu == second.gpu
            if (first.model, second.model) == ("gtzanet", "zfnet") and alike:
                lines += [_z_line(first, second), ""]
    if lines and groups[0].split == "paper":
        z, p = two_proportion_z(
            RESULTS["gtzanet"].correct, VALIDATION_ITEMS, RESULTS["zfnet"].correct, VALIDATION_ITEMS
        )
        lines[-2] += f" The paper's own numbers: z = {z:.2f}, p = {p:.2g}."
    return lines


def _z_line(first: Group, second: Group) -> str:
    part = "test" if all(group.runs[0].metrics["test"] for group in (first, second)) else "validation"
    # Seeds share their clips, so one seed a network is tested, not their sum.
    (k1, n1), (k2, n2) = (Group(g.model, g.split, g.runs[:1]).counts(part) for g in (first, second))
    z, p = two_proportion_z(k1, n1, k2, n2)
    seeds = " against ".join(
        f"{group.title} (seed {group.runs[0].config['seed']}, {k}/{n})"
        for group, k, n in ((first, k1, n1), (second, k2, n2))
    )
    return f"Two-proportion z test, {part}: {seeds}: z = {z:.2f}, p = {p:.2g}."


def _first_fall(history: Sequence[dict[str, Any]]) -> str:
    """Return the epoch after which the learning rate first fell, "-" where it never did."""
    rates = [entry["learning_rate"] for entry in history]
    return next((str(epoch) for epoch in range(1, len(rates)) if rates[epoch] < rates[epoch - 1]), "-")


def _run_table(groups: Sequence[Group]) -> list[str]:
    head = ["run", "model", "split", "seed", "epochs", "computed on", "precision", "rate first falls after"]
    head += ["final training loss", "digest"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for group in groups:
        for run in group.runs:
            config, metrics = run.config, run.metrics
            cells = (
                run.name,
                group.title,
                group.split,
                config["seed"],
                metrics["epochs"],
                _gpu(config) or "processor",
                config["compute"]["precision"],
                _first_fall(run.history),
            )
            lines.append(
                f"| {' | '.join(map(str, cells))} | {metrics['final']['loss']:.4f} | `{config['digest'][:12]}` |"
            )
    return lines
