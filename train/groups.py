"""Finished runs gathered by all that must be equal for them to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.files import canonical_json
from train.config import Recipe
from train.front_end import front_end_note
from train.recipes import describe
from train.results import Result

SYNTHETIC = "SYNTHETIC"
FOLDED = ("stratified", "held-out")


@dataclass(frozen=True)
class Group:
    """Finished runs that differ in their seed alone.

    `note` names what is not as in the paper's recipe: "" or, for instance, " (SYNTHETIC, epochs 12)".
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
        """Whether the clips are synthetic."""
        return bool(self.runs[0].config["data"]["synthetic"])

    @property
    def clips(self) -> str:
        """What decides which clips train and validate, and their pictures: equal for runs on the same."""
        return _clips(self.runs[0].config)

    @property
    def gpu(self) -> str:
        """The name of the GPU that the runs were computed on; "" for a processor's."""
        return gpu_name(self.runs[0].config)

    @property
    def has_takes(self) -> bool:
        """Whether clips are takes of one recording, so that they are no independent samples."""
        return any(part.get("recordings") for part in self.runs[0].metrics.values() if isinstance(part, dict))

    def counts(self, part: str) -> tuple[int, int]:
        """Return (correct, n) summed over the runs' part."""
        measured = [run.metrics[part] for run in self.runs]
        return sum(m["correct"] for m in measured), sum(m["n"] for m in measured)


def group_runs(runs: Sequence[Result]) -> list[Group]:
    """Gather runs by all that must be equal for them to be compared, in a fixed order.

    That is: split and fold, network, recipe, GPU, precision, data (its digest, and whether it is synthetic), front end.
    """
    groups: dict[tuple[Any, ...], list[Result]] = {}
    for run in runs:
        config, split = run.config, run.config["split"]
        fold = (split["seed"], split["folds"], split["fold"]) if split["name"] in FOLDED else ()
        recipe, computed = config["recipe"], (gpu_name(config), config["compute"]["precision"])
        key = (split["name"], config["model"], run.metrics["epochs"], *computed, fold, canonical_json(recipe))
        groups.setdefault((*key, _clips(config)), []).append(run)
    several = len({run.config["data"]["digest"] for run in runs}) > 1
    return [
        Group(key[1], key[0], tuple(sorted(members, key=lambda run: run.config["seed"])), _note(members[0], several))
        for key, members in sorted(groups.items())
    ]


def gpu_name(config: dict[str, Any]) -> str:
    """Return the name of the GPU that a run was computed on; "" for a processor's run."""
    return str(config["versions"].get("gpu", "a GPU")) if config["compute"]["device"] == "gpu" else ""


def _note(run: Result, several: bool) -> str:
    """Return how a run's group differs from the others of its network and split; its data where there are several."""
    config, split, recipe = run.config, run.config["split"], Recipe(**run.config["recipe"])
    notes = [SYNTHETIC] if config["data"]["synthetic"] else []
    if split["name"] in FOLDED:
        notes.append(f"fold {split['fold']} of {split['folds']}, split seed {split['seed']}")
    notes += describe(recipe)
    if hearing := front_end_note(config["front_end"]):
        notes.append(hearing)
    if gpu := gpu_name(config):
        notes.append(gpu)
    if config["compute"]["precision"] != "float32":
        notes.append(config["compute"]["precision"])
    if several:
        notes.append(f"data {config['data']['digest'][:8]}")
    return f" ({', '.join(notes)})" if notes else ""


def _clips(config: dict[str, Any]) -> str:
    data, front_end = config["data"], config["front_end"]
    return canonical_json([data["synthetic"], data["digest"], config["split"]["digest"], front_end])
