"""What an export of a run costs: time, peak memory and size of every file, each in a process of its own."""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.arguments import PROG, add_data, destination
from benchmarks.measure.fresh_process import run_python
from benchmarks.report.output import PACKAGES, Record, Table
from benchmarks.report.table import megabytes
from toolkit.artifact.card import QUANTIZATIONS
from toolkit.artifact.file import FORMATS, model_files
from toolkit.command import Parser
from toolkit.error_text import last_line
from toolkit.errors import UsageError

HEADERS = ("file", "seconds", "peak MB", "size MB", "status")
_CHILD = """
import json, sys
from benchmarks.measure.fresh_process import peak_memory
from export.cli import entry
code = entry(json.loads(sys.argv[1]))
print(json.dumps(peak_memory()))
sys.exit(code)
"""
_ABSENT = ("not offered", "cannot be made")
"""How export reports that there is no such file of a format, or of a network."""


@dataclass(frozen=True)
class ExportCost:
    """One export: its file, seconds from start to end, peak resident bytes (None off Linux), size in bytes.

    `status` is "ok", or why there is no file.
    """

    file: str
    seconds: float
    peak_bytes: int | None
    size_bytes: int
    status: str


def measure_exports(run: Path, data: Path | None, formats: Sequence[str], plan: str | None) -> Iterator[ExportCost]:
    """Export a finished run in every precision, each in a fresh process, and yield its cost.

    Every process starts Python and TensorFlow, writes the float32 file of its format and the file in question, and
    checks both; its time and memory are for all of that. Files that there cannot be of a format or of the network are
    left out. `data` is None where the dataset is still where the run was trained; `plan` is the mixture to write,
    LAYER=KIND,..., None to search for one.
    """
    for format, precision in itertools.product(formats, ("float32", *QUANTIZATIONS[1:])):
        with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
            arguments = [str(run), "--format", format, "--output", folder, "--no-speed"]
            arguments += ["--data", str(data)] if data else []
            arguments += [] if precision == "float32" else ["--quantize", precision]
            arguments += ["--plan", plan] if plan is not None and precision == "mixed" else []
            print(f"{PROG}: exporting {precision} {format}", file=sys.stderr, flush=True)
            start = time.perf_counter()
            done = run_python(_CHILD, json.dumps(arguments))
            seconds = time.perf_counter() - start
            absent = done.returncode == UsageError.exit_code and any(words in done.stderr for words in _ABSENT)
            if not absent:
                yield _cost(done, seconds, Path(folder), precision, format)


def _cost(
    done: subprocess.CompletedProcess[str], seconds: float, folder: Path, precision: str, format: str
) -> ExportCost:
    lines = done.stdout.strip().splitlines()
    peak = json.loads(lines[-1]) if lines and lines[-1][:1] in "n0123456789" else None
    written = [path for path in model_files(folder) if path.stem.endswith(f"-{precision}")]
    if done.returncode or not written:
        reason = last_line(done.stderr, f"exit code {done.returncode}")
        return ExportCost(f"{precision}.{format}", seconds, peak, 0, reason)
    return ExportCost(written[0].name, seconds, peak, written[0].stat().st_size, "ok")


def cells(cost: ExportCost) -> tuple[str, ...]:
    """Return a result's texts, one for each of `HEADERS`."""
    size = megabytes(cost.size_bytes or None, 2)
    return (cost.file, f"{cost.seconds:.0f}", megabytes(cost.peak_bytes), size, cost.status)


def parser() -> Parser:
    """Return the parser of `export`."""
    parser = Parser(prog=f"{PROG} export", description="Time, peak memory and size of every file a run can become.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run's folder")
    formats = "only this file format (default: %(default)s)"
    parser.add_argument("--format", choices=(*FORMATS, "all"), default="all", help=formats)
    parser.add_argument("--plan", metavar="LAYER=KIND,...", help="write this mixture, and search for none")
    add_data(parser)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Measure what every export of a run costs; returns 1 where one failed."""
    if not arguments.run.is_dir():
        raise UsageError(f"{arguments.run}: no such run folder")
    record = Record.begin((*PACKAGES, "tensorflow", "tf2onnx", "onnx"))
    formats = FORMATS if arguments.format == "all" else (arguments.format,)

    costs = list(measure_exports(arguments.run, arguments.data, formats, arguments.plan))
    search = "with the plan of --plan" if arguments.plan else "holds its search, too, which times models"
    notes = [
        "Each file in a process of its own, from start to end: Python, TensorFlow, the conversion of the float32 file "
        f"and of this one, and the checks of both on the validation part. That of mixed: {search}."
    ]
    value = {"run": str(arguments.run), "exports": [asdict(cost) for cost in costs]}
    record.publish(destination(arguments), Table("Export", HEADERS, [cells(cost) for cost in costs]), notes, value)
    return 1 if any(cost.status != "ok" for cost in costs) else 0
