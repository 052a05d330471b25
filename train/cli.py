"""`python -m train gtzanet`: train a network, carry a run on, or write the results of finished runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from toolkit import command
from toolkit.data import run_folder
from toolkit.data.run_folder import Run, newest_run
from toolkit.errors import UsageError
from toolkit.files import write_json, write_text
from toolkit.frontend.spec import PICTURE, FrontEnd
from train import folds, multi_label, run
from train.arguments import (
    NEWEST,
    flag,
    preview_parser,
    report_parser,
    speed_parser,
    test_parser,
    train_parser,
    with_defaults,
)
from train.backbones.verb import backbone, backbone_parser
from train.backbones.weights import provide
from train.comparison import comparison
from train.config import Compute, RunConfig
from train.crops import training_front_end
from train.data import Dataset, Listener, data_root, load_part
from train.device import prepare
from train.front_end import chosen_front_end
from train.networks import summary
from train.outcome import outcome
from train.read_test import check_unread, read_test
from train.recipes import recipe_of
from train.registry import NETWORKS, find_network
from train.report import results_report
from train.results import distinct, load_results, to_json
from train.speed import speed_table
from train.split_flags import ALL
from train.start import compute_of, new_run

PROG = "python -m train"


def jobs() -> command.Jobs:
    """Return the jobs of `python -m train`."""
    verbs = {
        "backbone": command.Verb("fetch a pretrained network's weights", lambda: backbone_parser(PROG), backbone),
        "preview": command.Verb("a batch as the network sees it", lambda: preview_parser(PROG), _preview),
        "report": command.Verb("finished runs as one table", lambda: report_parser(PROG), _report),
        "test": command.Verb("the test part of a run trained with --no-test", lambda: test_parser(PROG), _test),
        "speed": command.Verb("a training step beside plain Keras", lambda: speed_parser(PROG), _speed),
    }
    return command.Jobs(verbs, command.Verb("", lambda: train_parser(PROG), _train))


def main(argv: Sequence[str] | None) -> int:
    """Run `python -m train` and return its exit code."""
    return command.dispatch(PROG, jobs(), argv)


def _train(arguments: argparse.Namespace) -> int:
    flags, set_names = with_defaults(arguments)
    if flags.summary:
        if flags.network is None:
            raise UsageError(f"--summary needs a network: {', '.join(sorted(NETWORKS))}")
        return _summary(flags)
    if flags.resume is not None:
        if set_names:
            raise UsageError(f"{flag(set_names[0])} cannot be changed when a run is resumed: leave it out")
        return _resume(flags)
    if flags.network is None:
        raise UsageError(f"no network: name one of {', '.join(sorted(NETWORKS))}, or use --resume")
    return _start(flags, set_names)


def entry(argv: Sequence[str] | None = None) -> int:
    """Run `python -m train`, turning errors into one sentence and an exit code."""
    return command.run(PROG, main, argv)


def _summary(flags: argparse.Namespace) -> int:
    network = find_network(flags.network)
    spec = chosen_front_end(network, flags.front_end, flags.window, flags.hop)
    if isinstance(network.model, tuple):
        print(summary(network.name, network.model, spec))
        return 0
    prepare("cpu", Compute())
    from train.built import built_model, built_summary

    print(built_summary(built_model(network.name, network.model, spec.shape, 10)))
    return 0


def _start(flags: argparse.Namespace, set_names: Sequence[str]) -> int:
    from train.progress import TrainingProgress

    with TrainingProgress() as progress:
        dataset, config = new_run(flags, set_names, progress)
        every = flags.fold == ALL
        folder = (folds if every else run).create(flags.runs, flags.name, config, dataset)
        try:
            return _work(folder, config, dataset, flags.cache, progress)
        except Exception:
            (folds if every else run).discard(folder)
            raise


def _resume(flags: argparse.Namespace) -> int:
    model = find_network(flags.network).name if flags.network is not None else None
    if flags.resume is NEWEST:
        folder = newest_run(flags.runs, finished=False, model=model)
    elif flags.resume:
        folder = Path(flags.resume)
    else:
        raise UsageError("--resume is followed by an empty name: name a run folder, or nothing for the newest")
    parent = folder
    if folds.is_parent(parent):
        if not (left := folds.unfinished(parent)):
            print(folds.summary(folds.write_report(parent)))
            return 0
        folder = left[0]
    config = run.load_config(folder)
    if model not in (None, config.model):
        raise UsageError(f"{folder}: this is a run of {config.model}, not of {flags.network}: leave the network out")
    if (folder / run_folder.METRICS).exists():
        raise UsageError(f"{folder}: this run is finished: there is nothing to resume")
    available = prepare(config.compute.device, config.compute)
    if available != config.compute:
        raise UsageError(f"{folder}: this run began on the {config.compute.device}, which is not here: start a new run")
    from train.progress import TrainingProgress

    with TrainingProgress() as progress:
        if flags.weights is not None:
            if config.backbone is None:
                raise UsageError(f"--weights: {config.model} has no pretrained backbone: leave the flag out")
            provide([config.backbone], flags.weights, progress)
        config, dataset = run.resume(folder, flags.data, progress.steps)
        return _work(parent, config, dataset, flags.cache, progress)


def _work(folder: Path, config: RunConfig, dataset: Dataset, cache: Path | None, progress: Listener) -> int:
    print(f"run: {folder}", file=sys.stderr)
    try:
        result = folds.work(folder, config, dataset, cache, progress)
    except KeyboardInterrupt:
        print(f"python -m train: interrupted; {folds.how_to_go_on(folder, config)}", file=sys.stderr)
        return command.INTERRUPTED
    if folds.is_parent(folder):
        print(f"{folds.summary(result)}\n{folder}")
        return 0
    print("\n".join([*outcome(folder, config, result), str(folder)]))
    return 0


def _test(flags: argparse.Namespace) -> int:
    configs = {folder: check_unread(folder) for folder in flags.runs}
    for config in configs.values():
        prepare(config.compute.device, config.compute)
    from train.progress import TrainingProgress

    for folder, config in configs.items():
        with TrainingProgress() as progress:
            result = read_test(folder, config, flags.data, flags.cache, progress)
        print("\n".join([f"{folder}: test part read at {result['test_read']}", *outcome(folder, config, result)]))
    return 0


def _report(flags: argparse.Namespace) -> int:
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
    _emit(text + (results_report(distinct(alone)) if alone else ""), flags.output)
    if flags.output is not None and results:
        kept = flags.output.with_suffix(".json")
        write_json(kept, to_json(results))
        print(f"written: {flags.output}, and {kept}, which report reads as it does runs", file=sys.stderr)
    return 0


def _is_multi_label(folder: Path) -> bool:
    return (folder / run_folder.CONFIG).is_file() and run.load_config(folder).multi_label


def _is_unfinished(folder: Path) -> bool:
    return (folder / run_folder.CONFIG).is_file() and not (folder / run_folder.METRICS).exists()


def _emit(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
    else:
        write_text(output, text)


def _preview(arguments: argparse.Namespace) -> int:
    flags, set_names = with_defaults(arguments)
    if command.output_file(flags.output, "--output").suffix.lower() != ".png":
        raise UsageError(f"--output {flags.output}: the batch is written as PNG: use a name ending in .png")
    from train.progress import TrainingProgress

    with TrainingProgress() as progress:
        dataset, config = new_run(flags, set_names, progress)
        spec = training_front_end(config.recipe, FrontEnd.from_dict(config.front_end))
        part = load_part(dataset, dataset.split.train, spec, flags.cache, progress.steps)
        from train.preview import save_preview

        save_preview(config, part, flags.output)
    print(f"written: {flags.output}", file=sys.stderr)
    return 0


def _speed(arguments: argparse.Namespace) -> int:
    flags, _ = with_defaults(arguments)
    if find_network(flags.network).front_end != "gtzan-picture":
        raise UsageError(f"speed: {flags.network} hears no pictures: time gtzanet or zfnet")
    if flags.output is not None:
        command.output_file(flags.output, "--output")
    recipe = recipe_of("paper", {"batch_size": flags.batch_size}, PICTURE)
    compute = compute_of(flags, recipe)
    device = "gpu" if flags.device == "gpu" else "cpu"
    _emit(speed_table(flags.network, data_root(flags.data), device, recipe, compute), flags.output)
    return 0
