"""The flag of a page, and what does not go with one."""

from __future__ import annotations

import argparse
from pathlib import Path

from export.variants import FEATURES, PRECISIONS
from export.web.onnxruntime_web import NPM
from toolkit.artifact.file import ONNX
from toolkit.command import Parser
from toolkit.errors import UsageError

WEB = "web"
"""The format of a folder that classifies in the browser: an ONNX file with its front end inside, and a page."""
NOT_PAGES = ("embedding", "head", "dynamic_batch", "io")


def add_flag(parser: Parser) -> None:
    """Add where the page's engine comes from."""
    vendor_help = "put the page's engine beside it, from npm or from a folder, so that it works offline"
    parser.add_argument("--vendor", nargs="?", const=NPM, type=Path, metavar="DIR", help=vendor_help)


def check(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` unless the arguments of a page describe one file that hears samples and has labels."""
    if arguments.format != WEB:
        if arguments.vendor:
            raise UsageError(f"--vendor belongs to --format {WEB}: it puts the page's engine beside it")
        return
    if arguments.input not in (FEATURES, "waveform"):
        raise UsageError(f"--input {arguments.input}: the page hears samples: leave --input out")
    if arguments.quantize == "all":
        raise UsageError(f"--quantize all: a page has one file: choose one of {', '.join(PRECISIONS[ONNX][1:])}")
    for name in NOT_PAGES:
        if getattr(arguments, name):
            raise UsageError(f"--{name.replace('_', '-')} does not go with --format {WEB}, which classifies windows")
