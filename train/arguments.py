"""The arguments of `python -m train`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from toolkit import command
from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from train.backbones import flags as pretrained
from train.config import AUGMENTS, CLASS_WEIGHTS, DEVICES, KEEPS, OPTIMIZERS, PRECISIONS, SCHEDULES, STRATEGIES, Recipe
from train.recipes import RECIPES
from train.registry import NETWORKS
from train.split_flags import add_split

EPILOG = """examples:
  python -m train gtzanet --summary              the network's table
  python -m train gtzanet --data DIR             the paper's recipe on the paper's split
  python -m train gtzanet --split fault-filtered the split of GTZAN that does not leak
  python -m train edgenet --data my_sounds/      your own sounds, one subfolder per class
  python -m train edgenet --data DIR --fold all  a run per fold, and their mean
  python -m train preview edgenet --data DIR -o batch.png   a batch as the network sees it
  python -m train --resume                       carry on the newest unfinished run
  python -m train report runs/* -o results.md    the table over finished runs
  python -m train speed gtzanet                  the step against plain Keras
"""
NEWEST = object()  # the value of --resume without a name
DEFAULTS: dict[str, Any] = {
    "recipe": None,
    **dict.fromkeys(Recipe.__dataclass_fields__),
    "split": None,
    "split_seed": 0,
    "folds": None,
    "fold": None,
    "group_by": "",
    "negatives": "",
    "multi_label": False,
    "no_test": False,
    "seed": 0,
    "device": "auto",
    "precision": "float32",
    "threads": None,
    "shards": None,
    "strategy": "none",
    "workers": None,
    "kind": None,
    "front_end": None,
    "window": None,
    "hop": None,
    "name": None,
    **pretrained.DEFAULTS,
}
"""What decides a run and so stays as it is when the run is resumed; the parser sets None where a flag is absent."""
MEANINGS = {
    "epochs": "passes over the training part",
    "batch_size": "items per step",
    "learning_rate": "at the beginning, or after the warm-up",
    "momentum": "of sgd",
    "plateau_factor": "what the rate is multiplied by where the validation loss does not fall",
    "plateau_patience": "epochs without a fall before that",
    "plateau_delta": "the least that counts as a fall",
    "min_learning_rate": "the lowest rate",
    "keep": "which epoch's weights: the best on the validation part, or the last (default: last for the split paper)",
    "class_weights": "balanced: all classes count alike, which a run chooses itself where their sizes differ much",
    "dropout": "share of values that the dropout layer leaves out",
    "optimizer": "sgd with momentum, or adamw with decoupled weight decay",
    "weight_decay": "of adamw, on kernels alone: this share of the learning rate a step",
    "schedule": "plateau: the rate falls where the validation loss does not; cosine: warm-up, then half a cosine wave",
    "warmup": "share of all steps in which the cosine's rate rises first",
    "averaging": "share of all steps over which the weights are averaged; 0 for none",
    "label_smoothing": "share of a label that all classes divide",
    "mixup": "alpha of mixup: two examples are mixed by weights of Beta(alpha, alpha); 0 for none",
    "crops": "seconds between places where training windows may begin; an epoch sees some; 0: those of evaluation",
    "augment": "how much training examples on a grid of bands and frames are changed at random",
}
CHOICES = {
    "keep": KEEPS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augment": AUGMENTS,
    "class_weights": CLASS_WEIGHTS,
}


def train_parser(prog: str) -> command.Parser:
    """Return the parser of a training."""
    parser = command.Parser(
        prog=prog, usage=f"{prog} NETWORK|VERB ...", description="Train a network, reproducibly.", epilog=EPILOG
    )
    own = "or package.module:NETWORK, one of your own"
    parser.add_argument("network", nargs="?", help=f"{', '.join(sorted(NETWORKS))}, {own}")
    parser.add_argument("--summary", action="store_true", help="print the network's table and exit")
    _add_examples(parser)
    runs = "folder of run folders (default: runs)"
    parser.add_argument("--runs", type=_path("--runs"), default=Path("runs"), metavar="DIR", help=runs)
    parser.add_argument("--name", help="name of the run's folder (default: date, network, split, seed)")
    resume = "carry on this run, or the newest unfinished one"
    parser.add_argument("--resume", nargs="?", const=NEWEST, metavar="RUN", help=resume)
    compute = _add_run(parser)
    strategy = "train on several devices of this machine, or in several processes (default: none)"
    compute.add_argument("--strategy", choices=STRATEGIES, help=strategy)
    workers = "how many; of processes without TF_CONFIG, they are started here, and again where one dies"
    compute.add_argument("--workers", type=int, metavar="N", help=workers)
    pretrained.add_pretrained(parser)
    return parser


def preview_parser(prog: str) -> command.Parser:
    """Return the parser of `preview`."""
    described = "Plot the first batch of a training as the network sees it, before and after augmentation."
    parser = command.Parser(prog=f"{prog} preview", description=described)
    parser.add_argument("network", help=", ".join(sorted(NETWORKS)))
    _add_examples(parser)
    plot = "where the plot is written, a PNG file"
    parser.add_argument("-o", "--output", type=_path("--output"), metavar="FILE", required=True, help=plot)
    _add_run(parser)
    return parser


def test_parser(prog: str) -> command.Parser:
    """Return the parser of `test`."""
    described = "Read the test part of a run that was trained with --no-test, once, and note when."
    parser = command.Parser(prog=f"{prog} test", description=described)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    _add_data(parser)
    _add_cache(parser)
    return parser


def report_parser(prog: str) -> command.Parser:
    """Return the parser of `report`."""
    parser = command.Parser(prog=f"{prog} report", description="Write finished runs as one table.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or JSON that report wrote")
    _add_output(parser)
    return parser


def speed_parser(prog: str) -> command.Parser:
    """Return the parser of `speed`."""
    parser = command.Parser(prog=f"{prog} speed", description="Time a training step beside plain Keras.")
    parser.add_argument("network", help=", ".join(sorted(NETWORKS)))
    _add_data(parser)
    parser.add_argument("--batch-size", type=int, metavar="N", help=f"items per step (default: {Recipe.batch_size})")
    _add_compute(parser)
    _add_output(parser)
    return parser


def _add_data(parser: command.Parser) -> None:
    where = "dataset folder, or a CSV file with the columns file and label (default: the variable GTZAN_ROOT)"
    parser.add_argument("--data", type=_path("--data"), metavar="DIR", help=where)


def _add_front_end(parser: command.Parser) -> None:
    what = f"what the network hears: {', '.join(PRESETS)}, or a JSON file (default: the network's own)"
    parser.add_argument("--front-end", metavar="NAME|FILE", help=what)
    parser.add_argument("--window", type=float, metavar="S", help="seconds of sound in one input of the network")
    hop = "seconds from one window of a longer file to the next (0: as few windows as cover it)"
    parser.add_argument("--hop", type=float, metavar="S", help=hop)


def _add_examples(parser: command.Parser) -> None:
    _add_data(parser)
    kinds = "which files to use where a dataset has both (default: pictures)"
    parser.add_argument("--kind", choices=("pictures", "audio"), help=kinds)
    negatives = "a folder of sounds of none of the classes: one more class, background"
    parser.add_argument("--negatives", type=_path("--negatives"), metavar="DIR", help=negatives)
    several = "a file may have several labels: a list names them with semicolons between"
    parser.add_argument("--multi-label", action="store_true", default=None, help=several)
    _add_front_end(parser)
    weights = "a copy of a pretrained backbone's published weights (default: GTZANET_BACKBONES, the cache, a download)"
    parser.add_argument("--weights", type=_path("--weights"), metavar="FILE", help=weights)
    _add_cache(parser)


def _add_cache(parser: command.Parser) -> None:
    cache = "where features computed from audio files are kept"
    parser.add_argument("--cache", type=_path("--cache"), metavar="DIR", help=cache)


def _add_run(parser: command.Parser) -> argparse._ArgumentGroup:
    add_split(parser)
    _add_recipe(parser)
    return _add_compute(parser)


def _add_output(parser: command.Parser) -> None:
    where = "where the table is written (default: printed)"
    parser.add_argument("-o", "--output", type=_path("--output"), metavar="FILE", help=where)


def _add_recipe(parser: command.Parser) -> None:
    recipe = parser.add_argument_group("recipe")
    names = "what follows, by name (default: paper for the paper's networks, modern for others)"
    recipe.add_argument("--recipe", choices=tuple(RECIPES), help=names)
    recipe.add_argument("--seed", type=int, help="seed of weights, order, dropout and augmentation (default: 0)")
    for field in fields(Recipe):
        meaning = MEANINGS[field.name]
        if field.name != "keep":
            values = dict.fromkeys(getattr(named, field.name) for named in RECIPES.values())
            shown = ", modern ".join("the table's" if value is None else str(value) for value in values)
            meaning += f" (default: {shown})"
        if field.name in CHOICES:
            recipe.add_argument(flag(field.name), choices=CHOICES[field.name], help=meaning)
            continue
        kind = float if field.type in ("float", "float | None") else int
        recipe.add_argument(flag(field.name), type=kind, metavar="X", help=meaning)


def _add_compute(parser: command.Parser) -> argparse._ArgumentGroup:
    compute = parser.add_argument_group("compute")
    compute.add_argument("--device", choices=DEVICES, help="(default: auto: a GPU where there is one)")
    compute.add_argument("--precision", choices=PRECISIONS, help="(default: float32)")
    threads, shards = "processor threads (default: all this process may use)", "parts a batch is computed in"
    compute.add_argument("--threads", type=int, metavar="N", help=threads)
    compute.add_argument("--shards", type=int, metavar="N", help=f"{shards} (default: by network size)")
    return compute


def with_defaults(flags: argparse.Namespace) -> tuple[argparse.Namespace, list[str]]:
    """Return the arguments with defaults where a flag is not set, and the names in `DEFAULTS` of the flags that are."""
    values = vars(flags)
    set_names = [name for name in DEFAULTS if values.get(name) is not None]
    defaults = {name: value for name, value in DEFAULTS.items() if name not in set_names}
    return argparse.Namespace(**values | defaults), set_names


def _path(flag: str) -> Callable[[str], Path]:
    """Return what reads the value of a flag that names a file or folder."""

    def read(text: str) -> Path:
        if not text.strip():
            raise UsageError(f"{flag} is empty: name a file or folder after it, or leave it out")
        return Path(text)

    return read


def flag(name: str) -> str:
    """Return how a flag is written whose value has this name."""
    return "--" + name.replace("_", "-")
