"""The arguments of `python -m runtime serve`."""

from __future__ import annotations

import argparse
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.arguments import add_computing, add_endless_sound, add_raw_samples, add_steps
from runtime.arguments import check as check_source
from toolkit.audio.samples import SILENCE_DB
from toolkit.command import Parser, output_file, output_folder
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from runtime.serve.request import ServeRequest

TOKEN = "GTZANET_TOKEN"
SHORTEST_TOKEN = 16
AMOUNTS = {
    "max_mb": (20, "MB", "the largest upload that is accepted (default: %(default)g MB)"),
    "keep_mb": (200, "MB", "the most that --keep may hold; the oldest clips go first (default: %(default)g MB)"),
    "log_mb": (100, "MB", "the most that the log may hold; the oldest events go first (default: %(default)g MB)"),
    "keep_days": (0, "DAYS", "forget events that are older (default: never)"),
    "rate_limit": (600, "N", "requests per minute and address (default: %(default)g; 0: no limit)"),
}
_NEVER = ("log_mb", "keep_days", "rate_limit")
"""Where 0 means no limit."""


def parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(prog=prog, description="Serve a page and an API: what sounds now, what sounded, files to classify.")
    add = parser.add_argument
    add("--port", type=int, default=8080, metavar="N", help="(default: 8080)")
    add("--host", default="127.0.0.1", metavar="H", help="the address to listen on (default: 127.0.0.1, this machine)")
    add("--token-file", type=Path, metavar="FILE", help=f"whose first line is the token (default: that in {TOKEN})")
    add("--allow-host", action="append", default=[], metavar="NAME", help="another name of this machine in addresses")
    add("--url", metavar="URL", help="the page's address for Home Assistant (default: http://HOSTNAME:PORT/)")
    add("--log", type=Path, metavar="FILE", help="the SQLite file of events (default: in memory)")
    add("--keep", type=Path, metavar="DIR", help="keep clips here, those with a confirmed label in a folder per class")
    for name, (default, unit, text) in AMOUNTS.items():
        add(f"--{name.replace('_', '-')}", type=float, default=default, metavar=unit, help=text)
    add("--model", type=Path, metavar="M", help="a .tflite or .onnx file (default: as for classifying)")
    add("--backbone", type=Path, metavar="B", help="that of a head (default: the one beside it)")
    add("--min-confidence", "--threshold", type=float, metavar="P", help='less probable sound is "unknown"')
    add("--silence", type=float, default=SILENCE_DB, metavar="DB", help=f"(default: {SILENCE_DB:g})")
    add_computing(parser)
    add_steps(parser)
    add_endless_sound(parser)
    add_raw_samples(parser)
    parser.set_defaults(format="json", top=None, strict=False, merge=None, out=None, plot=None)
    return parser


def request(arguments: argparse.Namespace) -> ServeRequest:
    """Return the request that arguments make; raise `UsageError` where one is out of range."""
    from runtime.arguments import live_request, settings_of
    from runtime.serve.request import ServeRequest

    endless = arguments.listen or arguments.stream
    arguments.files, arguments.timeline = ((), False) if endless else (("upload",), True)
    check_source(arguments)
    if not 0 <= arguments.port <= 65_535:
        raise UsageError(f"--port is {arguments.port}: give 1 to 65535, or 0 for any that is free")
    for name in AMOUNTS:
        value, flag = getattr(arguments, name), f"--{name.replace('_', '-')}"
        if not 0 <= value < math.inf or (value == 0 and name not in _NEVER):
            raise UsageError(f"{flag} is {value:g}: give a number above 0")
    if arguments.url is not None and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", arguments.url):
        raise UsageError(f"--url {arguments.url}: give an address, such as http://pi.local:8080/")
    return ServeRequest(
        host=arguments.host,
        port=arguments.port,
        token=_token(arguments.token_file),
        names=frozenset(name.lower() for name in arguments.allow_host),
        url=arguments.url,
        log=None if arguments.log is None else output_file(arguments.log, "--log"),
        keep=None if arguments.keep is None else output_folder(arguments.keep, "--keep"),
        settings=settings_of(arguments),
        live=live_request(arguments) if endless else None,
        **{name: getattr(arguments, name) for name in AMOUNTS},
    )


def _token(path: Path | None) -> str | None:
    """Return the token, or None where there is none."""
    if path is None:
        token, where = os.environ.get(TOKEN, ""), f"the variable {TOKEN}"
        if not token:
            return None
    else:
        where = f"--token-file {path}"
        try:
            token = path.read_text("ascii").partition("\n")[0].strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text in ASCII"
            raise UsageError(f"{where}: cannot be read ({reason})") from None
    if len(token) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]+", token):
        hint = "make one with `openssl rand -hex 16`"
        raise UsageError(f"{where}: a token has {SHORTEST_TOKEN} or more visible ASCII characters: {hint}")
    return token
