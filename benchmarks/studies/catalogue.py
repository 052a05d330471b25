"""A library of files: how many a second, beside a loop of the usual script, and how much memory as it grows."""

from __future__ import annotations

import argparse
import operator
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks.arguments import MOST, PROG, add_data, destination
from benchmarks.measure import clips
from benchmarks.measure.library import Cost, hard_links, one_run, processor_seconds
from benchmarks.measure.peers import PREDICT, TF_KERAS, Peer, RunningPeer, started
from benchmarks.report import output
from benchmarks.report.output import Record, Table
from benchmarks.report.table import NONE, interval, megabytes
from runtime.default_model import PRETRAINED
from toolkit.command import Parser
from toolkit.data import synthetic
from toolkit.data.run_folder import MODEL
from toolkit.dataclass_json import to_json
from toolkit.errors import UsageError
from toolkit.frontend.spec import PICTURE
from toolkit.processors import usable_processors
from toolkit.progress import progress

HEADERS = (
    *("files are classified by", "files", "files a second [least, most]"),
    *("x one worker", "x a loop with predict", "processor ms a file", "main process MB", "a worker MB"),
)
CLIPS = 5
MOST_FILES = 1_000_000
LOOPS = (PREDICT, TF_KERAS)


@dataclass(frozen=True)
class Measured:
    """A way to classify files: how many, and what each round costs."""

    name: str
    files: int
    costs: tuple[Cost, ...]

    @property
    def rates(self) -> list[float]:
        """Files a second of each round."""
        return [self.files / cost.seconds for cost in self.costs]

    @property
    def processor_ms(self) -> float:
        """Milliseconds of processors per file, the median over the rounds."""
        return statistics.median(1e3 * cost.processor_seconds / self.files for cost in self.costs)

    def times(self, other: Measured | None) -> str:
        """Return how many times the other's files a second, the median over the rounds, as text."""
        if other is None:
            return NONE
        return f"{statistics.median(map(operator.truediv, self.rates, other.rates)):.2f}"

    def peak(self, name: str) -> str:
        """Return the largest of a kind of memory, in megabytes, as text."""
        return megabytes(max((value for cost in self.costs if (value := getattr(cost, name))), default=None))


@dataclass(frozen=True)
class Request:
    """What is measured: a model, files, workers, rounds, the run of the loops and how many files they classify."""

    model: Path
    files: int
    workers: tuple[int, ...]
    rounds: int
    run: Path | None
    loop_files: int
    sizes: tuple[int, ...]


def in_turns(
    request: Request, sources: Sequence[Path], folder: Path, report: Callable[[int, int], None]
) -> list[Measured]:
    """Classify a library in turns: a few files by each loop of the usual script, all by catalogues."""
    library = hard_links(folder / "library", sources, request.files)
    costs: dict[tuple[str, int], list[Cost]] = {}
    with ExitStack() as stack:
        loops = _loops(request, sources[0], stack)
        for number in range(request.rounds):
            for loop in loops:
                costs.setdefault((loop.name, request.loop_files), []).append(_looped(loop, request.loop_files))
            for workers in request.workers:
                cost = one_run(request.model, library, folder / f"{workers}-{number}.parquet", workers)
                costs.setdefault((_named(workers), request.files), []).append(cost)
            report(number + 1, request.rounds)
    return [Measured(name, files, tuple(values)) for (name, files), values in costs.items()]


def _looped(loop: RunningPeer, files: int) -> Cost:
    start, before = time.perf_counter(), processor_seconds(loop.pid)
    for number in range(files):
        loop.file(number)
    return Cost(time.perf_counter() - start, processor_seconds(loop.pid) - before)


def growing(
    request: Request, sources: Sequence[Path], folder: Path, report: Callable[[int, int], None]
) -> list[Measured]:
    """Classify libraries of every size once, with the largest number of workers."""
    rows, workers = [], max(request.workers)
    for number, size in enumerate(request.sizes):
        library = hard_links(folder / f"library-{size}", sources, size)
        cost = one_run(request.model, library, folder / f"{size}.parquet", workers)
        rows.append(Measured(_named(workers), size, (cost,)))
        report(number + 1, len(request.sizes))
    return rows


def _named(workers: int) -> str:
    return f"catalogue --workers {workers}"


def _loops(request: Request, clip: Path, stack: ExitStack) -> list[RunningPeer]:
    if request.run is None:
        return []
    model, threads = (request.run / MODEL).absolute(), usable_processors()
    return stack.enter_context(started([Peer(kind, model, threads, False, None) for kind in LOOPS], clip))


def table(turns: Sequence[Measured], grown: Sequence[Measured]) -> list[tuple[str, ...]]:
    """Return the texts of each way, one for each of `HEADERS`."""
    one = next((row for row in turns if row.name == _named(1)), None)
    loop = next((row for row in turns if row.name.startswith(PREDICT.name)), None)
    return [
        (
            row.name,
            f"{row.files:,}",
            interval(statistics.median(row.rates), (min(row.rates), max(row.rates)), 1),
            *((row.times(one), row.times(loop)) if row in turns else (NONE, NONE)),
            f"{row.processor_ms:.1f}",
            row.peak("main_bytes"),
            row.peak("worker_bytes"),
        )
        for row in (*turns, *grown)
    ]


def parser() -> Parser:
    """Return the parser of `catalogue`."""
    description = "Files a second and memory of `python -m runtime catalogue`, beside a loop of the usual script."
    parser = Parser(prog=f"{PROG} catalogue", description=description)
    add = parser.add_argument
    add("model", type=Path, nargs="?", default=PRETRAINED, metavar="MODEL", help="(default: the built-in model file)")
    add("--files", type=int, default=1_000, metavar="N", help="hard links to a few clips in the library (%(default)s)")
    add("--seconds", type=float, metavar="S", help="synthetic clips so long, in place of the dataset's first ones")
    add("--workers", default="1,2", metavar="N,N", help="numbers of processes (%(default)s)")
    add("--rounds", type=int, default=3, metavar="N", help="times each (%(default)s); 0 for --sizes alone")
    add("--run", type=Path, metavar="RUN", help="a run whose Keras model the usual script is to use in a loop")
    add("--loop-files", type=int, default=20, metavar="N", help="files of a loop (%(default)s)")
    add("--sizes", default="", metavar="N,N", help="also classify libraries of so many files, once each")
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Measure catalogues of a model."""
    request = _request(arguments)
    record = Record.begin((*output.PACKAGES, "pyarrow"))
    data = None if arguments.seconds else output.named_data(arguments.data)
    with tempfile.TemporaryDirectory() as name, progress("classifying libraries") as report:
        sources = _clips(Path(name), data, arguments.seconds or 30.0)
        turns = in_turns(request, sources, Path(name), report) if request.rounds else []
        grown = growing(request, sources, Path(name), report)
    kind = "the dataset's first clips" if data else f"synthetic clips of {arguments.seconds or 30.0:g} s"
    notes = [
        f"{request.model.name}; hard links to {len(sources)} files, {kind}. A catalogue is a whole process from its "
        f"start to its end, and each of its workers has one thread; {request.rounds} turns, medians, the least and the "
        "most. A loop has loaded its libraries and its model before it is timed. Processor time: user and system, of "
        "all its processes, which other work on the machine changes less. Memory: the peak of the process, and of its "
        "largest worker.",
        f"{PREDICT.name}: the picture goes through a PNG as most write it, and `model.predict` classifies it. "
        f"{TF_KERAS.name}: the quicker way, without both.",
    ]
    value = {"model": str(request.model), "rows": [to_json(row) for row in (*turns, *grown)]}
    record.publish(destination(arguments), Table("A library of files", HEADERS, table(turns, grown)), notes, value)
    return 0


def _request(arguments: argparse.Namespace) -> Request:
    output.check_models([arguments.model])
    output.check_run(arguments.run)
    if arguments.run and (lacking := PREDICT.lacking):
        raise UsageError(f"--run needs what the usual script imports: run `pip install {' '.join(lacking)}`")
    if not 0 <= arguments.rounds <= MOST:
        raise UsageError(f"--rounds is {arguments.rounds}: use 0 to {MOST}")
    if arguments.seconds is not None and not 0 < arguments.seconds <= synthetic.LONGEST_SECONDS:
        raise UsageError(f"--seconds is {arguments.seconds:g}: give a length up to {synthetic.LONGEST_SECONDS:g}")
    return Request(
        arguments.model,
        _numbers(str(arguments.files), "--files")[0],
        _numbers(arguments.workers, "--workers"),
        arguments.rounds,
        arguments.run,
        _numbers(str(arguments.loop_files), "--loop-files")[0],
        _numbers(arguments.sizes, "--sizes") if arguments.sizes else (),
    )


def _numbers(text: str, flag: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_FILES for part in parts):
        raise UsageError(f"{flag} is {text}: give whole numbers from 1 to {MOST_FILES}")
    return tuple(map(int, parts))


def _clips(folder: Path, data: Path | None, seconds: float) -> list[Path]:
    """Return copies in `folder` of a dataset's first clips, or synthetic ones: other disks allow no hard links."""
    copies = []
    for number, label in enumerate(synthetic.CLASSES[:CLIPS]):
        path = folder / f"{number}.wav"
        soundfile.write(path, synthetic.clip(label, 0, seconds=seconds), PICTURE.sample_rate, subtype="PCM_16")
        copies.append(path)
    for number, path in enumerate(clips.audio_files(data)[:CLIPS] if data else []):
        copies[number].unlink()
        copies[number] = Path(shutil.copy(path, folder / f"{number}{path.suffix}"))
    return copies
