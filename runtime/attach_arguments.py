"""The arguments of `python -m runtime attach`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.default_model import ARTIFACTS
from toolkit.artifact.axes import NATURAL
from toolkit.artifact.card import QUANTIZATIONS
from toolkit.artifact.card_checks import ACTIVATIONS
from toolkit.command import Parser, output_file
from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS

if TYPE_CHECKING:
    from runtime.attach import AttachRequest

PRECISIONS = ("float32", *(name for name in QUANTIZATIONS if name not in ("none", "mixed")))


def parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Put a card on a .tflite or .onnx file that was made elsewhere.")
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="the file; it stays as it is")
    add("--labels", type=Path, required=True, metavar="FILE", help="a label per line, or CSV with a column of names")
    front_end_help = f"how a sound becomes the input: {', '.join(PRESETS)}, or a JSON file"
    add("--front-end", required=True, metavar="NAME|FILE", help=front_end_help)
    add(
        "--activation",
        choices=ACTIVATIONS,
        help="sigmoid where several labels may apply (default: as the outputs look)",
    )
    names = ", ".join(dict.fromkeys(name for names in NATURAL.values() for name in names))
    add("--axes", metavar="A,B", help=f"order of the input's axes, such as batch,frame,band ({names}), if not clear")
    add("--threshold", type=float, metavar="P", help="from which score on a label of a sigmoid applies (default: 0.5)")
    add("--precision", choices=PRECISIONS, help="what is inside (default: as the tensors look)")
    add("--name", help="of the network (default: the file's name)")
    add("--licence", metavar="SPDX", help="of the network, such as Apache-2.0")
    add("--url", default="", help="where the network is from")
    add("--output", type=Path, metavar="FILE", help=f"the file to write (default: {ARTIFACTS}/ and the file's name)")
    return parser


def request(arguments: argparse.Namespace) -> AttachRequest:
    """Return the request that arguments make; raise `UsageError` where one is out of range."""
    from runtime.attach import AttachRequest

    if arguments.threshold is not None and not 0 <= arguments.threshold <= 1:
        raise UsageError(f"--threshold is {arguments.threshold:g}: give a score, 0 to 1")
    if not arguments.model.is_file():
        what = "a folder" if arguments.model.is_dir() else "cannot be read (no such file)"
        raise UsageError(f"{arguments.model}: {what}: name a .tflite or .onnx file")
    output = arguments.output
    if output is None:
        ARTIFACTS.mkdir(exist_ok=True)
        output = ARTIFACTS / arguments.model.name
    if output_file(output, "--output").exists() and output.samefile(arguments.model):
        raise UsageError(f"--output {output}: that is the file itself: name another")
    axes = None if arguments.axes is None else tuple(name.strip() for name in arguments.axes.split(","))
    return AttachRequest(
        arguments.model,
        output,
        arguments.labels,
        arguments.front_end,
        arguments.activation,
        axes,
        arguments.threshold,
        arguments.precision,
        arguments.name,
        arguments.licence,
        arguments.url,
    )
