"""`python -m train backbone get|save|classes NAME`: a pretrained network's weights, Keras file or names of classes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from toolkit.artifact.label_files import read_labels
from toolkit.command import Parser
from toolkit.errors import UsageError
from toolkit.parallel import Progress
from toolkit.progress import progress
from train.backbones.backbone import BACKBONES, Backbone
from train.backbones.saved import PARTS, save
from train.backbones.weights import provide


def backbone_parser(prog: str) -> Parser:
    """Return the parser of the verb."""
    parser = Parser(
        prog=f"{prog} backbone", description="Fetch a pretrained network, save it as a Keras file, or list its classes."
    )
    parser.add_argument("action", choices=("get", "save", "classes"))
    parser.add_argument("network", metavar="NAME", help=", ".join(_pretrained()))
    parser.add_argument("--weights", type=Path, metavar="FILE", help="a copy that is there already")
    saving = parser.add_argument_group("save")
    saving.add_argument("--part", choices=PARTS, help=f"what it returns (default: {PARTS[0]})")
    saving.add_argument("--window", type=float, metavar="SECONDS", help="how much sound it hears at once")
    output_help = "the .keras file; what it is stands beside it, in a .json file of this name"
    saving.add_argument("--output", type=Path, metavar="FILE", help=output_help)
    return parser


def backbone(arguments: argparse.Namespace) -> int:
    """Provide the weights, and print where they are, or the network is; or print the names of its classes."""
    pretrained = _pretrained()
    if arguments.network not in pretrained:
        raise UsageError(f"there is no pretrained network {arguments.network!r}: choose one of {', '.join(pretrained)}")
    saving = arguments.action == "save"
    for name in () if saving else ("part", "window", "output"):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name} belongs to backbone save")
    chosen = pretrained[arguments.network]
    if arguments.action == "classes":
        if arguments.weights is not None:
            raise UsageError("--weights does not go with backbone classes: leave it out")
        with progress(f"fetching the classes of {arguments.network}") as report:
            names = read_labels(provide([chosen.classes], None, _Listener(report)).path)
        print("\n".join(names))
        return 0
    with progress(f"fetching {arguments.network}") as report:
        listener = _Listener(report)
        copy = provide(chosen.published, arguments.weights, listener)
        path = copy.path
        if saving:
            path = save(chosen, copy, arguments.part or PARTS[0], arguments.window, arguments.output, listener)
    print(path)
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
