"""`python -m train gtzanet`: train a network, carry a run on, or write the results of finished runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import command
from toolkit.data import run_folder
from toolkit.data.run_folder import newest_run
from toolkit.errors import UsageError
from toolkit.frontend.spec import PICTURE, FrontEnd
from train import folds, run
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
from train.cluster import is_chief
from train.config import Compute, RunConfig
from train.crops import training_front_end
from train.data import Dataset, data_root, load_part
from train.device import prepare
from train.fitted import fitted
from train.front_end import chosen_front_end
from train.networks import summary
from train.outcome import outcome
from train.read_test import check_unread, read_test
from train.recipes import recipe_of
from train.registry import NETWORKS, find_network
from train.report_verb import emit, report
from train.speed import speed_table
from train.split_flags import ALL
from train.start import compute_of, new_run
from train.workers import check_cluster, starts_workers, supervise

if TYPE_CHECKING:
    from train.progress import TrainingProgress

PROG = "python -m train"


def jobs() -> command.Jobs:
    """Return the jobs of `python -m train`."""
    verbs = {
        "backbone": command.Verb("fetch a pretrained network's weights", lambda: backbone_parser(PROG), backbone),
        "preview": command.Verb("a batch as the network sees it", lambda: preview_parser(PROG), _preview),
        "report": command.Verb("finished runs as one table", lambda: report_parser(PROG), report),
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
        kind = folds if flags.fold == ALL else run
        if not is_chief(config.compute):  # worker 0 makes the folder, in which there is nothing to read yet
            return _work(flags.runs / (flags.name or config.digest), config, dataset, flags.cache, progress)
        folder = kind.create(flags.runs, flags.name, config, dataset)
        try:
            code = _work(folder, config, dataset, flags.cache, progress)
        except Exception:
            kind.discard(folder)
            raise
        if code not in (0, command.INTERRUPTED):
            kind.discard(folder)
        return code


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
    check_cluster(folder, config.compute)
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


def _work(folder: Path, config: RunConfig, dataset: Dataset, cache: Path | None, progress: TrainingProgress) -> int:
    try:
        if starts_workers(config.compute):
            progress.stop()  # the terminal is worker 0's now
            return supervise(folder, config, cache)
        if not is_chief(config.compute):
            fitted(config, dataset, folder, cache, progress)
            return 0
        print(f"run: {folder}", file=sys.stderr)
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
    emit(speed_table(flags.network, data_root(flags.data), device, recipe, compute), flags.output)
    return 0
