"""The arguments of `python -m runtime`, and which of them go together."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.classify import FilesRequest
from runtime.engines.load import check_threads
from runtime.engines.registry import ENGINES
from runtime.sources import STDIN, Raw
from runtime.timeline.arguments import FORMS, add_timelines
from runtime.timeline.arguments import check as check_timelines
from toolkit.audio.pcm import FORMATS
from toolkit.audio.samples import MAX_CHANNELS, RATES, SILENCE_DB
from toolkit.command import Parser, Version
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from runtime.stream.events import Settings
    from runtime.stream.listen import LiveRequest
    from runtime.timeline.run import TimelineRequest

STEPS = ("window", "hop", "smooth", "margin")
"""What is for endless sound and timelines."""
ENDLESS = ("stall", "mqtt")
"""What is for endless sound alone."""
LONGEST_STALL = 86_400
_RAW = Raw()


def parser(prog: str) -> Parser:
    """Return the parser of the command that classifies."""
    parser = Parser(prog=prog, description="Classify audio files with an exported model.")
    parser.add_argument("--version", action=Version)
    _add_sources_and_model(parser)
    _add_results(parser)
    add_computing(parser)
    add_timelines(parser)
    add_steps(parser)
    add_endless_sound(parser)
    add_raw_samples(parser)
    return parser


def _add_sources_and_model(parser: Parser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE|DIR|-",
        nargs="*",
        help="audio files (WAV, FLAC, Ogg, MP3, ...), folders of them, or - for raw samples on standard input",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="M",
        help="a .tflite or .onnx file (default: the newest in ./artifacts, float32 first; else one that is built in)",
    )
    parser.add_argument("--backbone", type=Path, metavar="B", help="that of a head (default: the one beside it)")


def _add_results(parser: Parser) -> None:
    parser.add_argument(
        "--top", type=int, metavar="N", help="show the N most probable classes only (the table; JSON and CSV have all)"
    )
    parser.add_argument(
        *("--min-confidence", "--threshold"),
        type=float,
        metavar="P",
        help='call sound "unknown" where the most probable class is less probable than this '
        "(default: what the model file states, or 0; the thresholds where labels do not exclude each other)",
    )
    parser.add_argument(
        "--silence",
        type=float,
        default=SILENCE_DB,
        metavar="DB",
        help=f"call what is quieter than this silence (decibels relative to full scale; default: {SILENCE_DB:g})",
    )
    parser.add_argument("--strict", action="store_true", help="refuse audio files that are doubtful instead of warning")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--format", choices=FORMS, default="table", help="(default: table; the last three are for timelines)"
    )
    for name, text in (("json", "one JSON object per file and line"), ("csv", "CSV below a line of columns' names")):
        form.add_argument(
            f"--{name}", action="store_const", const=name, dest="format", help=f"print {text}: --format {name}"
        )


def add_computing(parser: Parser) -> None:
    """Add how to compute."""
    parser.add_argument(
        "--threads", type=int, metavar="N", help="computing threads (default: the processors, at most 4)"
    )
    parser.add_argument(
        "--engine", choices=tuple(ENGINES), help="inference engine (default: the first that is installed)"
    )


def add_steps(parser: Parser) -> None:
    """Add how windows become decisions."""
    steps = parser.add_argument_group("from windows to decisions, in timelines and endless sound")
    steps.add_argument(
        "--window",
        type=float,
        metavar="S",
        help="seconds of sound in a window (default: the model's; fewer are classified as a short file is)",
    )
    steps.add_argument(
        "--hop",
        type=float,
        metavar="S",
        help="seconds from one window to the next (default: the model's, or 5; in timelines a fifth of a window)",
    )
    steps.add_argument(
        "--smooth",
        type=float,
        metavar="S",
        help="seconds that probabilities are averaged over (default: a third of a window)",
    )
    steps.add_argument(
        "--margin",
        type=float,
        metavar="P",
        help="how much more probable a new label must be, and how far below its threshold one goes off (default: 0.1)",
    )


def add_endless_sound(parser: Parser) -> None:
    """Add where endless sound comes from, and where its lines go."""
    live = parser.add_argument_group("endless sound: a line after every hop")
    source = live.add_mutually_exclusive_group()
    source.add_argument("--stream", action="store_true", help="classify raw samples on standard input as they come")
    source.add_argument("--listen", action="store_true", help="classify what a microphone hears")
    live.add_argument("--device", metavar="D", help="name or number of the microphone (default: the system's)")
    live.add_argument(
        "--stall", type=float, metavar="S", help="seconds without sound until MQTT says offline (default: 10)"
    )
    live.add_argument(
        "--mqtt",
        metavar="URL",
        help="publish every line as JSON, too: mqtt://[USER@]HOST[:PORT]/TOPIC, or mqtts:// (password: MQTT_PASSWORD)",
    )


def add_raw_samples(parser: Parser) -> None:
    """Add how raw samples come."""
    raw = parser.add_argument_group("raw samples on standard input, and the rate of the microphone")
    raw.add_argument("--rate", type=int, metavar="HZ", help=f"samples per second (default: {_RAW.rate})")
    raw.add_argument("--channels", type=int, metavar="N", help=f"(default: {_RAW.channels})")
    raw.add_argument("--pcm", choices=tuple(FORMATS), help=f"little-endian samples (default: {_RAW.format})")


def check(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where arguments are out of range, or do not go together."""
    endless = arguments.stream or arguments.listen
    if endless and arguments.files:
        raise UsageError(f"{arguments.files[0]}: --stream and --listen accept no files")
    check_timelines(arguments)
    if endless and (arguments.format == "csv" or arguments.top or arguments.strict):
        raise UsageError("--csv, --top and --strict are for files: --stream and --listen print lines or --json")
    for name in STEPS + ENDLESS:
        if getattr(arguments, name) is not None and not (endless or (arguments.timeline and name in STEPS)):
            also = "--timeline, " if name in STEPS else ""
            raise UsageError(f"--{name} belongs to {also}--stream and --listen")
    if arguments.device is not None and not arguments.listen:
        raise UsageError("--device belongs to --listen")
    piped = arguments.stream or STDIN in arguments.files
    for name in ("channels", "pcm"):
        if getattr(arguments, name) is not None and not piped:
            raise UsageError(f"--{name} belongs to raw samples, - or --stream")
    if arguments.rate is not None and not (piped or arguments.listen):
        raise UsageError("--rate belongs to raw samples, - or --stream, and to --listen")
    if arguments.rate is not None and not RATES[0] <= arguments.rate <= RATES[1]:
        raise UsageError(f"--rate is {arguments.rate}: give {RATES[0]} to {RATES[1]} Hz")
    if arguments.channels is not None and not 1 <= arguments.channels <= MAX_CHANNELS:
        raise UsageError(f"--channels is {arguments.channels}: give 1 to {MAX_CHANNELS}")
    if "" in arguments.files:
        raise UsageError("a file's name is empty: is a variable not set?")
    if not endless and not arguments.files:
        raise UsageError("name audio files to classify, or give --stream or --listen")
    if arguments.top is not None and arguments.top < 1:
        raise UsageError(f"--top is {arguments.top}: give 1 or more")
    if arguments.min_confidence is not None and not 0 <= arguments.min_confidence <= 1:
        raise UsageError(f"--min-confidence is {arguments.min_confidence:g}: give a probability, 0 to 1")
    if not math.isfinite(arguments.silence):
        raise UsageError(f"--silence is {arguments.silence:g}: give decibels, such as {SILENCE_DB:g}")
    if arguments.threads is not None:
        check_threads(arguments.threads, "--threads")
    if arguments.files.count(STDIN) > 1:
        raise UsageError(f"{STDIN} is given twice, but standard input can be read once only")


def files_request(arguments: argparse.Namespace) -> FilesRequest:
    """Return the request to classify files that checked arguments make."""
    sources, form = tuple(arguments.files), arguments.format
    return FilesRequest(
        sources, raw_of(arguments), form, arguments.top, arguments.min_confidence, arguments.silence, arguments.strict
    )


def live_request(arguments: argparse.Namespace) -> LiveRequest:
    """Return the request to listen that checked arguments make; raise `UsageError` where one is out of range."""
    from runtime.stream.listen import LiveRequest
    from runtime.stream.mqtt import Broker

    broker = None if arguments.mqtt is None else Broker.parse(arguments.mqtt)
    return LiveRequest(
        arguments.listen,
        arguments.device,
        raw_of(arguments),
        settings_of(arguments),
        broker,
        arguments.format == "json",
    )


def timeline_request(arguments: argparse.Namespace) -> TimelineRequest:
    """Return the request for timelines that checked arguments make; raise `UsageError` where one is out of range."""
    from runtime.timeline.arguments import timeline_request

    return timeline_request(arguments, settings_of(arguments), raw_of(arguments))


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return how to listen; raise `UsageError` where an argument is out of range."""
    from runtime.stream.events import Settings
    from runtime.stream.smoothing import Rules

    options = {name: value for name in STEPS + ENDLESS if (value := getattr(arguments, name)) is not None}
    smooth, margin = options.get("smooth"), options.get("margin", Rules.margin)
    if smooth is not None and not 0 <= smooth < math.inf:
        raise UsageError(f"--smooth is {smooth:g}: give seconds, 0 or more")
    if not 0 <= margin <= 1:
        raise UsageError(f"--margin is {margin:g}: give a probability, 0 to 1")
    stall = options.get("stall", Settings.stall_seconds)
    if not 0 < stall <= LONGEST_STALL:
        raise UsageError(f"--stall is {stall:g}: give seconds, above 0 and at most {LONGEST_STALL}")
    rules = Rules(smooth, margin, arguments.min_confidence)
    return Settings(options.get("hop"), arguments.silence, rules, stall, options.get("window"))


def raw_of(arguments: argparse.Namespace) -> Raw:
    """Return how raw samples come."""
    return Raw(arguments.rate or _RAW.rate, arguments.channels or _RAW.channels, arguments.pcm or _RAW.format)
