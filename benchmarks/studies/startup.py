"""What a label costs from nothing: whole processes, from their start to their end, in turns."""

from __future__ import annotations

import argparse
import json
import operator
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.arguments import MOST, PROG, add_data, add_threads, destination
from benchmarks.measure import clips
from benchmarks.measure.fresh_process import child_environment
from benchmarks.measure.peers import SCRIPT, TF_KERAS
from benchmarks.report import output
from benchmarks.report.output import Record, Table
from benchmarks.report.table import interval, megabytes
from runtime.default_model import PRETRAINED
from runtime.engines.load import check_threads
from toolkit.command import Parser
from toolkit.data.run_folder import MODEL
from toolkit.errors import EngineError, UsageError
from toolkit.processors import usable_processors
from toolkit.progress import progress

NUMPY, OURS, USUAL = "import numpy", "python -m runtime", "librosa and tf_keras"
MANY = 60
HEADERS = (
    *("process", "seconds [least, most]", "x import numpy"),
    *("processor seconds", "x import numpy, processor", "peak MB", "status"),
)

_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
errors = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
_, status, used = os.wait4(process.pid, 0)
seconds = time.perf_counter() - start
busy = used.ru_utime + used.ru_stime
code = os.waitstatus_to_exitcode(status)
print(json.dumps([seconds, busy, used.ru_maxrss * 1024, code, errors[-1] if errors else ""]))
"""
"""Small, as a process counts the memory of the one that it is forked from as its own."""


@dataclass(frozen=True)
class Program:
    """A process to be started `times` times at once, and what it is called."""

    name: str
    command: tuple[str, ...]
    times: int = 1


@dataclass(frozen=True)
class Cost:
    """What a program costs: in each round its seconds and those of a processor, and how many times the first program's.

    Of several processes at once, `seconds` are the slowest's, `processor_seconds` all of theirs, and `peak_bytes` the
    largest's.
    """

    name: str
    seconds: tuple[float, ...]
    ratios: tuple[float, ...]
    processor_seconds: tuple[float, ...]
    processor_ratios: tuple[float, ...]
    peak_bytes: int
    status: str = "ok"


def programs(model: Path, clip: Path, run: Path | None, threads: int) -> list[Program]:
    """Return what is compared; the usual script only with a run, whose Keras model it uses.

    Each step towards a label is a process of its own that takes the steps before it, too.
    """
    python = sys.executable
    packages = "import runtime.classify, runtime.cli"
    load = f"{packages}\nruntime.classify.Classifier.load({str(model.absolute())!r}, threads={threads})"
    steps = {NUMPY: NUMPY, "and runtime": packages, "and the model is loaded": load}
    ours = (python, "-m", "runtime", "--model", str(model.absolute()), "--threads", str(threads), str(clip.absolute()))
    many = (*ours, *[str(clip.absolute())] * (MANY - 1))
    compared = [Program(name, (python, "-c", code)) for name, code in steps.items()]
    compared += [Program(OURS, ours), Program(f"the same, {MANY} clips", many)]
    if (cores := usable_processors()) > 1:
        compared.append(Program(f"the same, {cores} at once", many, cores))
    if run is not None:
        words = ("tf_keras", str((run / MODEL).absolute()), str(threads), str(clip.absolute()))
        compared.append(Program(USUAL, (python, str(SCRIPT), *words)))
    return compared


def measure(compared: Sequence[Program], rounds: int, progress: Callable[[int, int], None]) -> list[Cost]:
    """Start the programs in turn, `rounds` times, after one round that warms the disk's cache and is not counted."""
    uses: dict[str, list[tuple[float, float, int]]] = {program.name: [] for program in compared}
    for turn in range(rounds + 1):
        for program in compared:
            uses[program.name].append(_once(program))
        progress(turn + 1, rounds + 1)
    costs: list[Cost] = []
    for name, rows in uses.items():
        seconds, busy, _ = zip(*rows[1:], strict=True)
        first = costs[0] if costs else Cost(name, seconds, (), busy, (), 0)
        ratios = tuple(map(operator.truediv, seconds, first.seconds))
        busy_ratios = tuple(map(operator.truediv, busy, first.processor_seconds))
        costs.append(Cost(name, seconds, ratios, busy, busy_ratios, max(peak for *_, peak in rows)))
    return costs


def _once(program: Program) -> tuple[float, float, int]:
    """Return the seconds, processor seconds and peak bytes as `Cost` has them; raise `EngineError` if one fails."""
    command = [sys.executable, "-S", "-c", _LAUNCHER, *program.command]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, env=child_environment(), **pipes))
            for _ in range(program.times)
        ]
        answers = [process.communicate()[0] for process in started]
    if not all(answers):
        raise EngineError(f"{program.name}: the process that was to start it was ended from outside: measure again")
    uses = [json.loads(text) for text in answers]
    for *_, code, last in uses:
        if code:
            raise EngineError(f"{program.name}: the process failed ({last or f'exit code {code}'})")
    return max(use[0] for use in uses), sum(use[1] for use in uses), max(use[2] for use in uses)


def cells(cost: Cost) -> tuple[str, ...]:
    """Return a result's texts, one for each of `HEADERS`."""
    seconds = interval(statistics.median(cost.seconds), (min(cost.seconds), max(cost.seconds)), 2)
    ratio, busy_ratio = (f"{statistics.median(ratios):.2f}" for ratios in (cost.ratios, cost.processor_ratios))
    busy = f"{statistics.median(cost.processor_seconds):.3f}"
    return (cost.name, seconds, ratio, busy, busy_ratio, megabytes(cost.peak_bytes), cost.status)


def parser() -> Parser:
    """Return the parser of `start`."""
    description = "A label from nothing: whole processes, beside `import numpy` and the usual script."
    parser = Parser(prog=f"{PROG} start", description=description)
    model, clip = "(default: the built-in model file)", "(default: the dataset's first audio file, or a synthetic one)"
    parser.add_argument("model", type=Path, nargs="?", default=PRETRAINED, metavar="MODEL", help=model)
    parser.add_argument("--clip", type=Path, metavar="FILE", help=clip)
    parser.add_argument("--run", type=Path, metavar="RUN", help="a run whose Keras model the usual script is to use")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="times each (%(default)s)")
    add_threads(parser, 1)
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Measure what a label costs from nothing."""
    check_threads(arguments.threads, "--threads")
    if not 1 <= arguments.rounds <= MOST:
        raise UsageError(f"--rounds is {arguments.rounds}: use 1 to {MOST}")
    model, data = arguments.model, output.named_data(arguments.data)
    output.check_models([model])
    output.check_clip(arguments.clip)
    output.check_run(arguments.run)
    if arguments.run and (lacking := TF_KERAS.lacking):
        raise UsageError(f"--run needs what the usual script imports: run `pip install {' '.join(lacking)}`")
    record = Record.begin()
    clip = arguments.clip or clips.find_clip(data)
    with tempfile.TemporaryDirectory() as folder, progress("starting processes") as report:
        compared = programs(model, clips.clip_in(Path(folder), clip), arguments.run, arguments.threads)
        costs = measure(compared, arguments.rounds, report)
    shown = clip.name if clip else clips.SYNTHETIC
    notes = [
        f"{model.name}, {shown}, threads: {arguments.threads}. Whole processes, start to end, {arguments.rounds} turns "
        "after one that is not counted; medians, the least and the most. x import numpy: the median over the "
        "rounds. Processor seconds: user and system, which other work on the machine changes less. Peak memory: of the "
        "largest process. Python's bytecode is written before, as an installed package has it."
    ]
    value = {"model": str(model), "clip": shown, "costs": [asdict(cost) for cost in costs]}
    rows = Table("A label from nothing", HEADERS, [cells(cost) for cost in costs])
    record.publish(destination(arguments), rows, notes, value)
    return 0
