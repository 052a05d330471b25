"""`python -m train backbone get NAME`: the published weights of a pretrained network, once and checked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from toolkit.command import Parser
from toolkit.errors import UsageError
from toolkit.parallel import Progress
from toolkit.progress import progress
from train.backbones.backbone import BACKBONES, Backbone
from train.backbones.weights import provide


def backbone_parser(prog: str) -> Parser:
    """Return the parser of the verb."""
    parser = Parser(prog=f"{prog} backbone", description="Fetch the published weights of a pretrained network.")
    parser.add_argument("action", choices=("get",))
    parser.add_argument("network", metavar="NAME", help=", ".join(_pretrained()))
    parser.add_argument("--weights", type=Path, metavar="FILE", help="a copy that is there already")
    return parser


def backbone(arguments: argparse.Namespace) -> int:
    """Provide the weights, and print where they are."""
    pretrained = _pretrained()
    if arguments.network not in pretrained:
        raise UsageError(f"there is no pretrained network {arguments.network!r}: choose one of {', '.join(pretrained)}")
    with progress(f"fetching {arguments.network}") as report:
        copy = provide(pretrained[arguments.network].published, arguments.weights, _Listener(report))
    print(copy.path)
    return 0


def _pretrained() -> dict[str, Backbone]:
    return {backbone.name: backbone for backbone in BACKBONES}


class _Listener:
    """Prints what `provide` reports."""

    def __init__(self, report: Progress) -> None:
        self._report = report

    def notice(self, sentence: str) -> None:
        print(sentence, file=sys.stderr)

    def steps(self, what: str, done: int, total: int) -> None:
        self._report(done, total)
