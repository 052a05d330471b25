"""The arguments of `python -m runtime catalogue` and of its report."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.catalogue.objects import is_url
from runtime.catalogue.store import SUFFIXES
from toolkit.audio.samples import SILENCE_DB
from toolkit.command import Parser, output_file
from toolkit.errors import UsageError
from toolkit.processors import usable_processors

if TYPE_CHECKING:
    from runtime.catalogue.report import ReportRequest
    from runtime.catalogue.row import Settings
    from runtime.catalogue.run import CatalogueRequest
    from runtime.catalogue.tagging import TagRequest

MOST_WORKERS = 1_024
ENGINES = ("local", "ray")
REPORT = "report"
EVENT_OPTIONS = ("window", "hop", "merge")


def parser(prog: str) -> Parser:
    """Return the parser of the command."""
    parser = Parser(
        prog=prog,
        description="Classify a library of audio files in several processes; the same command goes on after a stop.",
        epilog=f"`{prog} {REPORT} RESULTS [--out PAGE.html]` shows results as a page.",
    )
    add = parser.add_argument
    library_help = "a folder, s3://BUCKET/PREFIX, a file with a path per line, or - for such a list on standard input"
    add("words", nargs="+", metavar="DIR|LIST|-", help=library_help)
    add("--out", metavar="FILE", help=f"the results: a name ending in {', '.join(SUFFIXES)}")
    add("--workers", type=int, metavar="N", help="processes that compute (default: as many as there are processors)")
    add("--engine", choices=ENGINES, default=ENGINES[0], help="what runs them: this machine (default) or a Ray cluster")
    add("--model", type=Path, metavar="M", help="a .tflite or .onnx file (default: as for classifying)")
    add("--backbone", type=Path, metavar="B", help="that of a head (default: the one beside it)")
    add("--retry-failed", action="store_true", help="try files that failed before again")
    confidence = 'call sound "unknown" where the most probable class is less probable (default: as for classifying)'
    add("--min-confidence", "--threshold", type=float, metavar="P", help=confidence)
    silence = f"call what is quieter silence (decibels relative to full scale; default: {SILENCE_DB:g})"
    add("--silence", type=float, default=SILENCE_DB, metavar="DB", help=silence)
    events = parser.add_argument_group("events: when something sounds in a file (docs/timeline.md)")
    events.add_argument("--events", action="store_true", help="find each file's events, too")
    events.add_argument("--window", type=float, metavar="S", help="seconds of sound in a window (default: the model's)")
    events.add_argument("--hop", type=float, metavar="S", help="seconds between windows (default: a fifth of a window)")
    events.add_argument("--merge", type=float, metavar="S", help="join events of a label that are so close (0)")
    tags = parser.add_argument_group("tags: labels in the files themselves (docs/catalogue.md)")
    tags.add_argument("--write-tags", choices=["genre"], help="write each file's label as its genre")
    tags.add_argument("--overwrite", action="store_true", help="also where it has another genre")
    tags.add_argument("--dry-run", action="store_true", help="show which genres would be written, and write none")
    return parser


def is_report(arguments: argparse.Namespace) -> bool:
    """Return whether a page is to be made of results, rather than results of a library."""
    return len(arguments.words) > 1 and arguments.words[0] == REPORT


def run_request(arguments: argparse.Namespace) -> CatalogueRequest:
    """Return the request that arguments make; raise `UsageError` where one is out of range."""
    from runtime.catalogue.run import CatalogueRequest
    from runtime.default_model import find_model

    library, *more = arguments.words
    if library == REPORT and not os.path.exists(library):
        raise UsageError("report: name the results, such as: catalogue report results.parquet")
    if more:
        raise UsageError(f"{more[0]}: a catalogue is of one folder or list: name them in a file, a path per line")
    if not library:
        raise UsageError("the library's name is empty: is a variable not set?")
    if not arguments.out:
        raise UsageError("a catalogue is written: name it with --out results.parquet")
    if arguments.workers is not None and not 1 <= arguments.workers <= MOST_WORKERS:
        raise UsageError(f"--workers is {arguments.workers}: give 1 to {MOST_WORKERS}")
    workers = arguments.workers or (usable_processors() if arguments.engine == ENGINES[0] else 0)
    if arguments.min_confidence is not None and not 0 <= arguments.min_confidence <= 1:
        raise UsageError(f"--min-confidence is {arguments.min_confidence:g}: give a probability, 0 to 1")
    if not math.isfinite(arguments.silence):
        raise UsageError(f"--silence is {arguments.silence:g}: give decibels, such as {SILENCE_DB:g}")
    model = arguments.model or find_model()
    out, settings = arguments.out.rstrip("/"), _settings(arguments)
    return CatalogueRequest(library, out, model, settings, workers, arguments.backbone, arguments.retry_failed)


def tag_request(arguments: argparse.Namespace) -> TagRequest | None:
    """Return the request to write tags that arguments make, None for none."""
    from runtime.catalogue.tagging import TagRequest
    from runtime.tags.formats import check_installed

    if arguments.write_tags is None:
        for name in ("overwrite", "dry_run"):
            if getattr(arguments, name):
                raise UsageError(f"--{name.replace('_', '-')} belongs to --write-tags genre")
        return None
    if is_url(arguments.words[0]):
        raise UsageError(f"{arguments.words[0]}: --write-tags writes to files of this machine, not to object storage")
    check_installed()
    return TagRequest(arguments.overwrite, arguments.dry_run)


def _settings(arguments: argparse.Namespace) -> Settings:
    from runtime.catalogue.row import Settings
    from runtime.stream import events as stream
    from runtime.stream.smoothing import Rules
    from runtime.timeline.events import Settings as EventSettings

    options = {name: value for name in EVENT_OPTIONS if (value := getattr(arguments, name)) is not None}
    if not arguments.events:
        if options:
            raise UsageError(f"--{next(iter(options))} belongs to --events")
        return Settings(arguments.silence, arguments.min_confidence)
    merge = options.get("merge", 0.0)
    if not 0 <= merge < math.inf:
        raise UsageError(f"--merge is {merge:g}: give seconds, 0 or more")
    listening = stream.Settings(
        options.get("hop"),
        arguments.silence,
        Rules(min_confidence=arguments.min_confidence),
        window_seconds=options.get("window"),
    )
    return Settings(arguments.silence, arguments.min_confidence, EventSettings(listening, merge))


def report_request(arguments: argparse.Namespace) -> ReportRequest:
    """Return the request that arguments make; raise `UsageError` where the page cannot be written."""
    from runtime.catalogue.report import ReportRequest

    _, results, *more = arguments.words
    if more:
        raise UsageError(f"{more[0]}: a report is of one catalogue")
    for name, default in vars(parser("").parse_args([REPORT])).items():
        if name not in ("words", "out") and getattr(arguments, name) != default:
            raise UsageError(f"--{name.replace('_', '-')} is for a run: a report only reads results")
    results = results.rstrip("/")
    beside = Path(results).name if is_url(results) else results
    page = Path(beside).with_suffix(".html") if arguments.out is None else Path(arguments.out)
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out {page}: a page is written: use a name ending in .html")
    return ReportRequest(results, output_file(page, "--out"))
