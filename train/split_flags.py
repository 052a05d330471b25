"""The flags that decide how a dataset is split."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from toolkit import command
from toolkit.data.splits import NAMES, PUBLISHED
from toolkit.errors import UsageError

ALL = "all"
"""The value of --fold for a run per fold."""


def add_split(parser: command.Parser) -> None:
    """Add the flags."""
    split = parser.add_argument_group("split")
    split.add_argument(
        "--split",
        choices=NAMES,
        help="paper: the paper's own, which leaks; fault-filtered: GTZAN's lists without faults; held-out: folds of "
        "any dataset, one of which tests and one validates; stratified: one fold validates and none tests; folders: "
        "the dataset's own folders train, validation and test; listed: the column part of a list (default: the "
        "dataset's own parts where it has any, paper on GTZAN, else held-out)",
    )
    split.add_argument("--split-seed", type=int, metavar="N", help="seed of the folds (default: 0)")
    split.add_argument("--folds", type=int, metavar="K", help="number of folds (default: by the dataset's size)")
    fold = "the fold that is held out (default: the first), or all: a run per fold, and their mean"
    split.add_argument("--fold", type=_fold, metavar="I|all", help=fold)
    group = "regular expression: its first group in a file's path names the recording, which stays in one part"
    split.add_argument("--group-by", metavar="REGEX", help=group)
    later = "leave the test part unread until `test RUN` reads it, once: for choosing on the validation part alone"
    split.add_argument("--no-test", action="store_true", default=None, help=later)


def check_split(flags: argparse.Namespace, set_names: Sequence[str]) -> None:
    """Raise `UsageError` where the flags of a split make no sense together."""
    if not 0 <= flags.split_seed < 2**31:
        raise UsageError("--split-seed must be from 0 to 2147483647")
    if flags.split in PUBLISHED:
        for flag in ("--split-seed", "--folds", "--fold", "--group-by"):
            if flag[2:].replace("-", "_") in set_names:
                raise UsageError(f"{flag} does not go with --split {flags.split}, whose parts are published")
    if flags.folds is not None and flags.folds < 2:
        raise UsageError("--folds must be at least 2: one fold cannot both train and validate")
    if flags.fold == ALL:
        if flags.split in ("folders", "listed"):
            raise UsageError(f"--fold all does not go with --split {flags.split}, whose parts are stated")
    elif flags.fold is not None and (flags.fold < 0 or flags.folds is not None and flags.fold >= flags.folds):
        last = f" and at most {flags.folds - 1}: there are {flags.folds} folds" if flags.folds is not None else ""
        raise UsageError(f"--fold must be 0 or more{last}")
    if flags.no_test and flags.fold == ALL:
        raise UsageError("--no-test does not go with --fold all, where every fold is tested")
    if flags.group_by is not None and "group_by" in set_names and not flags.group_by:
        raise UsageError("--group-by is empty: write a regular expression after it, or leave it out")


def split_options(flags: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `train.data.open_dataset` that decide the split."""
    every = flags.fold == ALL
    return {
        "name": flags.split or ("held-out" if every else None),
        "seed": flags.split_seed,
        "folds": flags.folds,
        "fold": None if every else flags.fold,
        "group_by": flags.group_by,
        "negatives": str(flags.negatives),
    }


def _fold(text: str) -> int | str:
    """Return the value of --fold."""
    try:
        return ALL if text == ALL else int(text)
    except ValueError:
        raise UsageError(f"--fold {text}: write the number of a fold, or all") from None
