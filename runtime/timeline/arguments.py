"""The flags of `--timeline`, and which of them go together."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.command import Parser, output_file, output_folder
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from runtime.sources import Raw
    from runtime.stream.events import Settings
    from runtime.timeline.run import TimelineRequest

FORMS = ("table", "json", "csv", "audacity", "rttm", "raven")
"""Those of `runtime.timeline.formats`, which the parser does not wait for."""
TIMELINES_ONLY = FORMS[3:]
OPTIONS = ("merge", "out", "plot")


def add_timelines(parser: Parser) -> None:
    """Add the flags of timelines to a parser."""
    group = parser.add_argument_group("timelines: when something sounds in a file")
    group.add_argument(
        "--timeline", action="store_true", help="find events, with start, end, label and score, in place of one label"
    )
    group.add_argument(
        "--merge", type=float, metavar="S", help="join events of a label that are at most so many seconds apart (0)"
    )
    group.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write each file's timeline to a file of its own in this folder"
    )
    group.add_argument(
        "--plot", type=Path, metavar="PNG", help="plot one file's spectrogram with its events (needs matplotlib)"
    )


def check(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where flags of timelines are out of range, or do not go together with others."""
    if not arguments.timeline:
        for name in OPTIONS:
            if getattr(arguments, name) is not None:
                raise UsageError(f"--{name} belongs to --timeline")
        if arguments.format in TIMELINES_ONLY:
            raise UsageError(f"--format {arguments.format} holds events: give --timeline, too")
        return
    if arguments.stream or arguments.listen:
        raise UsageError("--timeline is of files and -: --stream and --listen print a line after every hop")
    if arguments.top is not None:
        raise UsageError("--top is for one label a file: a timeline has those that reach --threshold")
    if arguments.merge is not None and not 0 <= arguments.merge < math.inf:
        raise UsageError(f"--merge is {arguments.merge:g}: give seconds, 0 or more")


def timeline_request(arguments: argparse.Namespace, listening: Settings, raw: Raw) -> TimelineRequest:
    """Return the request that checked arguments make; raise `UsageError` where its results cannot be written."""
    from runtime.timeline.events import Settings
    from runtime.timeline.plot import matplotlib_figure
    from runtime.timeline.run import TimelineRequest

    if arguments.plot is not None:
        if output_file(arguments.plot, "--plot").suffix.lower() != ".png":
            raise UsageError(f"--plot {arguments.plot}: a PNG file is written: use a name ending in .png")
        matplotlib_figure()
    if arguments.out is not None:
        output_folder(arguments.out, "--out")
    settings = Settings(listening, arguments.merge or 0.0)
    return TimelineRequest(
        tuple(arguments.files), raw, settings, arguments.format, arguments.strict, arguments.out, arguments.plot
    )
