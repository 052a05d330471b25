"""The verb `report`: finished runs as one table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from toolkit import command
from toolkit.data import run_folder
from toolkit.data.run_folder import Run
from toolkit.errors import UsageError
from toolkit.files import write_json, write_text
from train import folds, multi_label, run
from train.comparison import comparison
from train.report import results_report
from train.results import distinct, load_results, to_json


def report(flags: argparse.Namespace) -> int:
    """Write the table over the runs that the flags name."""
    if flags.output is not None:
        command.output_file(flags.output, "--output")
        if flags.output.suffix.lower() == ".json":
            raise UsageError(f"--output {flags.output}: the JSON is written beside the table: use a name ending in .md")
        command.output_file(flags.output.with_suffix(".json"), "--output")
    parents = [target for target in flags.runs if folds.is_parent(target)]
    targets = [target for target in flags.runs if target not in parents]
    unfinished = [target for target in targets if _is_unfinished(target)]
    for folder in unfinished:
        print(f"left out: {folder}: this run is not finished", file=sys.stderr)
    exclusive = [parent for parent in parents if not folds.is_multi_label(parent)]
    text = comparison(exclusive) + "\n".join(folds.folds_report(folds.measured(parent)) for parent in parents)
    several = [path for path in targets if path not in unfinished and _is_multi_label(path)]
    if several:
        finished = [(path.resolve().name, Run.load(path)) for path in several]
        text += multi_label.runs_table([(name, each.config, each.metrics) for name, each in finished])
    alone = load_results([path for path in targets if path not in unfinished and path not in several])
    loaded = alone + load_results([folder for parent in exclusive for folder in folds.fold_folders(parent)])
    if not loaded and not text:
        raise UsageError("report: none of these runs is finished: python -m train --resume carries one on")
    results = distinct(loaded)
    if len(results) < len(loaded):
        print(f"{len(loaded) - len(results)} of {len(loaded)} runs are named again: each counts once", file=sys.stderr)
    emit(text + (results_report(distinct(alone)) if alone else ""), flags.output)
    if flags.output is not None and results:
        kept = flags.output.with_suffix(".json")
        write_json(kept, to_json(results))
        print(f"written: {flags.output}, and {kept}, which report reads as it does runs", file=sys.stderr)
    return 0


def _is_multi_label(folder: Path) -> bool:
    return (folder / run_folder.CONFIG).is_file() and run.load_config(folder).multi_label


def _is_unfinished(folder: Path) -> bool:
    return (folder / run_folder.CONFIG).is_file() and not (folder / run_folder.METRICS).exists()


def emit(text: str, output: Path | None) -> None:
    """Write a table into a file, or print it."""
    if output is None:
        print(text, end="")
    else:
        write_text(output, text)
