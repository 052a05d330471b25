"""The flags of a network that others pretrained."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from toolkit import command
from toolkit.errors import UsageError
from train.config import FewShot, Recipe
from train.registry import Network

DRAWS = 20
MAX_SHOTS = 10_000
MAX_DRAWS = 1000
NAMES = ("weights", "shots", "draws")
DEFAULTS: dict[str, Any] = {"shots": None, "draws": None}


def add_pretrained(parser: command.Parser) -> None:
    """Add the flags."""
    group = parser.add_argument_group("pretrained networks")
    shots = "fit heads to K training clips per class, drawn at random, and plot accuracy against K: 5, or 1,2,5,10"
    group.add_argument("--shots", type=_counts, metavar="K[,K...]", help=shots)
    group.add_argument("--draws", type=int, metavar="N", help=f"draws of each K (default: {DRAWS})")


def check_pretrained(network: Network, flags: argparse.Namespace, set_names: Sequence[str]) -> None:
    """Refuse flags that a frozen backbone leaves without effect, or that need one."""
    if not network.backbone:
        for name in NAMES:
            if getattr(flags, name) is not None:
                raise UsageError(f"--{name}: {network.name} has no pretrained backbone: leave the flag out")
        return
    for name in ("recipe", *(name for name in Recipe.__dataclass_fields__ if name != "class_weights")):
        if name in set_names:
            raise UsageError(
                f"--{name.replace('_', '-')}: {network.name} is frozen, and fits its head at once: leave it out"
            )
    if flags.precision != "float32":
        raise UsageError(f"--precision: {network.name} computes in float32: leave the flag out")
    if flags.draws is not None and flags.shots is None:
        raise UsageError("--draws counts the draws of --shots: name some, such as --shots 1,2,5")
    if flags.draws is not None and not 2 <= flags.draws <= MAX_DRAWS:
        raise UsageError(f"--draws must be from 2 to {MAX_DRAWS}")
    if flags.shots and flags.multi_label:
        raise UsageError("--shots does not go with --multi-label: a clip of several classes is one of each")


def few_shot(flags: argparse.Namespace) -> FewShot | None:
    """Return what `--shots` and `--draws` say."""
    return FewShot(flags.shots, flags.draws or DRAWS) if flags.shots else None


def _counts(text: str) -> tuple[int, ...]:
    """Return the value of --shots."""
    try:
        counts = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        counts = ()
    if not counts or counts[0] < 1 or counts[-1] > MAX_SHOTS:
        raise UsageError(f"--shots {text}: write numbers of clips per class, such as 5 or 1,2,5,10")
    return counts
