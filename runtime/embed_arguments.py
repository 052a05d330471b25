"""The arguments of `python -m runtime embed`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.engines.load import check_threads
from runtime.engines.registry import ENGINES
from runtime.sources import STDIN
from toolkit.command import Parser, output_file
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from runtime.embed import EmbedRequest

SUFFIX = ".npz"


def parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Write the embeddings of audio files, a vector of features per window.")
    add = parser.add_argument
    add("files", metavar="FILE|DIR", nargs="+", help="audio files, and folders of them")
    add("--out", type=Path, required=True, metavar="FILE", help="the NPZ file to write")
    model_help = "a file of `python -m export mn04 --embedding` (default: the newest in ./artifacts)"
    add("--model", type=Path, metavar="M", help=model_help)
    add("--threads", type=int, metavar="N", help="computing threads (default: the processors, at most 4)")
    add("--engine", choices=tuple(ENGINES), help="inference engine (default: the first that is installed)")
    return parser


def request(arguments: argparse.Namespace) -> EmbedRequest:
    """Return the request that arguments make; raise `UsageError` where one is out of range."""
    from runtime.embed import EmbedRequest

    if STDIN in arguments.files or "" in arguments.files:
        raise UsageError("embed reads audio files and folders: name some")
    if arguments.threads is not None:
        check_threads(arguments.threads, "--threads")
    output = output_file(arguments.out, "--out")
    if output.suffix != SUFFIX:
        raise UsageError(f"--out {output}: NumPy's arrays are written: use a name ending in {SUFFIX}")
    return EmbedRequest(tuple(arguments.files), output, arguments.model, arguments.engine, arguments.threads)
