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
ALL = "all"
"""The value of --unfreeze for every block."""
NAMES = ("weights", "shots", "draws", "unfreeze", "hold_out_classes")
DEFAULTS: dict[str, Any] = dict.fromkeys(NAMES[1:])


def add_pretrained(parser: command.Parser) -> None:
    """Add the flags."""
    group = parser.add_argument_group("pretrained networks")
    shots = "fit heads to K training clips per class, drawn at random, and plot accuracy against K: 5, or 1,2,5,10"
    group.add_argument("--shots", type=_counts, metavar="K[,K...]", help=shots)
    unfreeze = "then train the last N blocks, or all, and keep the result where it is better by more than chance"
    group.add_argument("--unfreeze", type=_blocks, metavar="N|all", help=unfreeze)
    hold_out = "train heads without each class in turn, and measure how well they recognise its clips as unknown"
    group.add_argument("--hold-out-classes", action="store_true", default=None, help=hold_out)
    group.add_argument("--draws", type=int, metavar="N", help=f"draws of each K (default: {DRAWS})")


def check_pretrained(network: Network, flags: argparse.Namespace, set_names: Sequence[str]) -> None:
    """Refuse flags that a frozen backbone leaves without effect, or that need one."""
    if not network.backbone:
        for name in NAMES:
            if getattr(flags, name) is not None:
                raise UsageError(
                    f"--{name.replace('_', '-')}: {network.name} has no pretrained backbone: leave the flag out"
                )
        return
    if flags.recipe is not None:
        raise UsageError(f"--recipe: {network.name} has its own for --unfreeze, whose values are flags: leave it out")
    for name in () if flags.unfreeze else (name for name in Recipe.__dataclass_fields__ if name != "class_weights"):
        if name in set_names:
            hint = "leave it out, or train blocks with --unfreeze"
            raise UsageError(f"--{name.replace('_', '-')}: {network.name} is frozen, and fits its head at once: {hint}")
    if flags.precision != "float32":
        raise UsageError(f"--precision: {network.name} computes in float32: leave the flag out")
    if flags.draws is not None and flags.shots is None:
        raise UsageError("--draws counts the draws of --shots: name some, such as --shots 1,2,5")
    if flags.draws is not None and not 2 <= flags.draws <= MAX_DRAWS:
        raise UsageError(f"--draws must be from 2 to {MAX_DRAWS}")
    if flags.shots and flags.multi_label:
        raise UsageError("--shots does not go with --multi-label: a clip of several classes is one of each")
    if flags.hold_out_classes and (flags.multi_label or flags.negatives):
        raise UsageError("--hold-out-classes does not go with --multi-label, nor with --negatives, which is the same")


def few_shot(flags: argparse.Namespace) -> FewShot | None:
    """Return what `--shots` and `--draws` say."""
    return FewShot(flags.shots, flags.draws or DRAWS) if flags.shots else None


def _blocks(text: str) -> str:
    """Return the value of --unfreeze."""
    if text != ALL and not (text.isdecimal() and int(text) > 0):
        raise UsageError(f"--unfreeze {text}: write a number of blocks, 1 or more, or {ALL}")
    return text


def _counts(text: str) -> tuple[int, ...]:
    """Return the value of --shots."""
    try:
        counts = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        counts = ()
    if not counts or counts[0] < 1 or counts[-1] > MAX_SHOTS:
        raise UsageError(f"--shots {text}: write numbers of clips per class, such as 5 or 1,2,5,10")
    return counts
