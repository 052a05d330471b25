"""The arguments of `python -m runtime embed`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.arguments import add_raw_samples, raw_of
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
    add("files", metavar="FILE|DIR", nargs="*", help="audio files, and folders of them")
    add("--out", type=Path, metavar="FILE", help="the NPZ file to write")
    model_help = "a file of `python -m export mn04 --embedding` (default: the newest in ./artifacts)"
    add("--model", type=Path, metavar="M", help=model_help)
    add("--threads", type=int, metavar="N", help="computing threads (default: the processors, at most 4)")
    add("--engine", choices=tuple(ENGINES), help="inference engine (default: the first that is installed)")
    stream_help = "read raw samples on standard input instead, and print an embedding per hop, as a line of JSON"
    add("--stream", action="store_true", help=stream_help)
    add("--hop", type=float, metavar="S", help="of a stream, seconds between lines (default: the model's hop, or 5)")
    add_raw_samples(parser)
    return parser


def request(arguments: argparse.Namespace) -> EmbedRequest:
    """Return the request that arguments make; raise `UsageError` where one is out of range."""
    from runtime.embed import EmbedRequest

    streamed = [name for name in ("hop", "rate", "channels", "pcm") if getattr(arguments, name) is not None]
    if streamed and not arguments.stream:
        raise UsageError(f"--{streamed[0]} belongs to embed --stream")
    if arguments.stream and (arguments.files or arguments.out):
        raise UsageError("embed --stream reads no files and writes none: it prints lines of JSON")
    if not arguments.stream and (not arguments.files or STDIN in arguments.files or "" in arguments.files):
        raise UsageError("embed reads audio files and folders: name some, or give --stream for standard input")
    if arguments.threads is not None:
        check_threads(arguments.threads, "--threads")
    return EmbedRequest(
        tuple(arguments.files),
        None if arguments.stream else _output(arguments.out),
        arguments.model,
        arguments.engine,
        arguments.threads,
        raw_of(arguments),
        arguments.hop,
    )


def _output(path: Path | None) -> Path:
    if path is None:
        raise UsageError(f"embed writes a file: name it with --out FILE{SUFFIX}")
    if path.suffix != SUFFIX:
        raise UsageError(f"--out {path}: NumPy's arrays are written: use a name ending in {SUFFIX}")
    return output_file(path, "--out")
