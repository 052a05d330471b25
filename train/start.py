"""What a new run is, from the flags of the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from toolkit.artifact.text_checks import is_one_line
from toolkit.errors import UsageError
from toolkit.processors import usable_processors
from train import run
from train.backbones.flags import check_pretrained, few_shot
from train.backbones.weights import provide
from train.cluster import VARIABLE, environment_cluster
from train.config import MAX_SHARDS, MAX_THREADS, MAX_WORKERS, Compute, Recipe, RunConfig
from train.crops import training_front_end
from train.data import Dataset, data_root, open_dataset
from train.device import prepare
from train.front_end import chosen_front_end, chosen_kind
from train.networks import Dropout, parameter_count
from train.notices import dataset_notices, fit_notices, imbalance
from train.recipes import recipe_of
from train.registry import find_network
from train.split_flags import ALL, check_split, split_options
from train.workers import starts_workers

SMALL_NETWORK = 1_000_000
SHARD_ITEMS = 8


def new_run(flags: argparse.Namespace, set_names: Sequence[str], progress: Any) -> tuple[Dataset, RunConfig]:
    """Return the dataset and the configuration that the flags describe; what contradicts itself is refused first."""
    check_start(flags, set_names)
    network = find_network(flags.network)
    spec = chosen_front_end(network, flags.front_end, flags.window, flags.hop)
    values = {field.name: getattr(flags, field.name) for field in fields(Recipe)}
    name = "fine-tuning" if flags.unfreeze else flags.recipe or network.recipe
    recipe = recipe_of(name, values | {"keep": flags.keep or "best"}, spec)
    training_front_end(recipe, spec)
    compute = compute_of(flags, recipe)
    kind, root = chosen_kind(spec, flags.kind), data_root(flags.data)
    backbone = None
    if network.backbone:
        backbone = provide(network.backbone.published, flags.weights, progress).weights
    options = {"multi_label": flags.multi_label, **split_options(flags)}
    dataset = open_dataset(root, kind, progress=progress.steps, **options)
    if flags.no_test and not dataset.split.test:
        raise UsageError(f"--no-test: the split {dataset.split.name} has no test part: leave the flag out")
    notices = dataset_notices(dataset, chosen="split" in set_names)
    for sentence in (*notices, *fit_notices(dataset, spec)):
        progress.notice(sentence)
    if backbone and not flags.unfreeze:
        recipe = Recipe(class_weights=recipe.class_weights)  # the rest decides nothing
    if flags.class_weights is None and not flags.multi_label and (unequal := imbalance(dataset)):
        progress.notice(unequal)
        recipe = replace(recipe, class_weights="balanced")
    if flags.keep is None and dataset.split.name == "paper":
        recipe = replace(recipe, keep="last")
    compute = prepare(flags.device, compute)
    if compute.device == "gpu" and starts_workers(compute):
        raise UsageError("--workers starts processes for the processor: use --strategy mirrored, or --device cpu")
    if compute.device == "gpu" and flags.shards is None:
        compute = replace(compute, shards=1)  # a GPU fills its cores with one batch
    config = run.new_config(flags.network, dataset, spec, flags.seed, recipe, compute, backbone)
    own = {"few_shot": few_shot(flags), "unfreeze": flags.unfreeze, "hold_out": bool(flags.hold_out_classes)}
    own["no_test"] = flags.no_test
    return dataset, replace(config, **own)


def check_start(flags: argparse.Namespace, set_names: Sequence[str]) -> None:
    """Raise `UsageError` where the flags of a new run make no sense together, before anything is written."""
    network = find_network(flags.network)
    check_pretrained(network, flags, set_names)
    if flags.dropout is not None and network.table and not any(isinstance(at, Dropout) for at in network.table):
        raise UsageError(f"--dropout: {flags.network} has no dropout layer: leave the flag out")
    if flags.seed < 0 or flags.seed >= 2**31:
        raise UsageError("--seed must be from 0 to 2147483647")
    if flags.multi_label and flags.class_weights == "balanced":
        raise UsageError("--class-weights balanced does not go with --multi-label, where each class has a threshold")
    if flags.no_test and network.backbone:
        raise UsageError(f"--no-test goes with networks from scratch, and {network.name} has a pretrained backbone")
    check_split(flags, set_names)
    name = flags.name
    if name is not None and (not name.strip(" .") or not is_one_line(name) or set(name) & set("/\\")):
        raise UsageError(f"--name {name!r} is no folder name: use letters, digits, '-' and '_'; --runs names where")


def compute_of(flags: argparse.Namespace, recipe: Recipe) -> Compute:
    """Return how a run computes, on a processor until its device is known."""
    threads, shards, table = flags.threads, flags.shards, find_network(flags.network).table
    workers = workers_of(flags, recipe)
    if threads is None:
        sharing = workers if flags.strategy == "multiworker" and environment_cluster(os.environ) is None else 1
        threads = max(1, min(usable_processors() // sharing, MAX_THREADS))
    if table is None and shards not in (None, 1):
        raise UsageError(
            f"--shards: {flags.network} is built by a function, and normalises whole batches: leave it out"
        )
    small = table is not None and parameter_count(table) < SMALL_NETWORK
    if shards is None:
        shards = min(max(1, recipe.batch_size // SHARD_ITEMS), MAX_SHARDS) if small and flags.device != "gpu" else 1
    return Compute("cpu", flags.precision, threads, shards, flags.strategy, workers)


def workers_of(flags: argparse.Namespace, recipe: Recipe) -> int:
    """Return how many workers train; raise `UsageError` where the flags, or TF_CONFIG, do not say that sensibly."""
    strategy, network, workers = flags.strategy, find_network(flags.network), flags.workers
    if strategy == "none":
        if workers is not None:
            raise UsageError("--workers counts those of --strategy: name one, mirrored or multiworker")
        return 1
    if network.backbone:
        raise UsageError(f"--strategy: {network.name} is frozen, and fits its head at once: leave the flag out")
    cluster = environment_cluster(os.environ) if strategy == "multiworker" else None
    if strategy == "multiworker" and flags.fold == ALL:
        raise UsageError("--fold all does not go with --strategy multiworker: train the folds one by one, by --fold N")
    if cluster and workers not in (None, len(cluster.addresses)):
        raise UsageError(f"--workers {workers}: {VARIABLE} names {len(cluster.addresses)}: leave the flag out")
    workers = len(cluster.addresses) if cluster else workers
    if workers is None:
        other = f", or {VARIABLE}, which names those of several machines" if strategy == "multiworker" else ""
        raise UsageError(f"--strategy {strategy} needs --workers N{other}")
    if workers < 1:
        raise UsageError(f"--workers must be from 1 to {MAX_WORKERS}")
    if workers > recipe.batch_size:
        raise UsageError(
            f"--workers {workers}: a batch has {recipe.batch_size} items, less than one for each: name fewer"
        )
    return int(workers)
