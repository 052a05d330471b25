"""Every network in every format, on every split that it was trained on, one line per kind of file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.arguments import PROG, add_data, add_durations, add_engine, add_threads, destination
from benchmarks.measure import clips
from benchmarks.measure.accuracy import Accuracy
from benchmarks.measure.evaluation import Stage, own_split
from benchmarks.measure.row import Row
from benchmarks.measure.suite import Settings, measure_models
from benchmarks.report import output
from benchmarks.report.output import Record, Table
from benchmarks.report.table import NONE, megabytes, ratio, share
from runtime.engines.load import check_threads
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import ParityCard
from toolkit.artifact.file import file_format, read_card
from toolkit.command import Parser
from toolkit.data.dataset import Index
from toolkit.dataclass_json import to_json
from toolkit.errors import UsageError
from toolkit.measure.latency import Ratio, TimingPlan
from toolkit.progress import progress

BRIEF = TimingPlan(min_seconds=0, min_count=1, warmup=0, burst_seconds=0, burst_count=1)
"""For the files of a second split: they are as fast as those of the first."""


@dataclass(frozen=True)
class Line:
    """One kind of file: of one network, input level, precision and format.

    `accuracies` are by split and part ("paper/validation"), each of the file that was trained on that split. Size,
    `parity` (beside Keras, from the card) and `ratio` (its time as a multiple of float32's of its format) are those of
    the first split's file. `status` is "ok", or the first thing that was wrong.
    """

    model: str
    level: str
    precision: str
    format: str
    size_bytes: int
    accuracies: dict[str, Accuracy]
    parity: ParityCard | None
    ratio: Ratio | None
    status: str


def measure_matrix(paths: Sequence[Path], index: Index, settings: Settings, stage: Stage) -> list[Line]:
    """Measure model files, network by network and split by split, and join what is of one kind.

    A file is judged on the test part of its own split where that has one, else on its validation part, whatever the
    settings' part is. A network's files of its first split come first in `paths`; only these are timed for long. Raises
    `ArtifactError` if a file is no model file; `UsageError` if two files are of one kind and one split.
    """
    cards = {path: read_card(path) for path in dict.fromkeys(paths)}
    groups: dict[tuple[str, str], list[Path]] = {}
    for path, card in cards.items():
        groups.setdefault((card.model, card.split.digest), []).append(path)
    measured: list[tuple[Card, Row]] = []
    for (model, _), group in groups.items():
        own = own_split(cards[group[0]], index)
        part = "test" if own is not None and own.test else "validation"
        first = all(card.model != model for card, _ in measured)
        chosen = replace(settings, part=part, split=None, whole=False, plan=settings.plan if first else BRIEF)
        rows = measure_models(group, index, chosen, stage)
        rows = rows if first else [replace(row, network_ratio=None) for row in rows]
        measured += [(cards[path], row) for path, row in zip(group, rows, strict=True)]
    return lines(measured)


def lines(measured: Sequence[tuple[Card, Row]]) -> list[Line]:
    """Return a line for every kind of file, in the order of the first file of each."""
    by_kind: dict[tuple[str, ...], Line] = {}
    for card, row in measured:
        kind = card.model, card.input_level, card.precision, file_format(Path(row.file))
        new = Line(*kind, row.size_bytes, {}, card.parity, row.network_ratio, row.status)
        line = by_kind.setdefault(kind, new)
        if row.judged_on in line.accuracies:
            raise UsageError(
                f"{row.file}: a second {card.precision} {new.format} file of {card.model} that is judged on "
                f"{row.judged_on}: name one run per network and split"
            )
        if row.accuracy:
            line.accuracies[row.judged_on] = row.accuracy
        if line.status == "ok":
            by_kind[kind] = replace(line, status=row.status)
    return list(by_kind.values())


def table(lines: Sequence[Line]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headers and the rows of texts."""
    judged = list(dict.fromkeys(name for line in lines for name in line.accuracies))
    headers = (
        *("network", "format", "precision", "size MB"),
        *(f"{name} [95 %]" for name in judged),
        *("labels as Keras", "farthest from Keras", "x float32 [95 %]", "status"),
    )
    return headers, [_cells(line, judged) for line in lines]


def _cells(line: Line, judged: Sequence[str]) -> tuple[str, ...]:
    level = "" if line.level == "picture" else f" ({line.level})"
    accuracies = [line.accuracies.get(name) for name in judged]
    return (
        line.model + level,
        line.format,
        line.precision,
        megabytes(line.size_bytes, 2),
        *(f"{share(accuracy)} (n = {accuracy.n})" if accuracy else NONE for accuracy in accuracies),
        f"{line.parity.top1_agreement:.1%}" if line.parity else NONE,
        f"{line.parity.max_abs:g}" if line.parity else NONE,
        ratio(line.ratio),
        line.status,
    )


def parser() -> Parser:
    """Return the parser of `matrix`."""
    description = "Every network in every format, each file judged on the split it was trained on."
    parser = Parser(prog=f"{PROG} matrix", description=description)
    files = "model files, a network's timed ones first"
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help=files)
    add_data(parser)
    add_engine(parser)
    add_threads(parser)
    add_durations(parser, seconds=10.0, count=50)
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Measure every network in every format; returns 1 where something was wrong with a file."""
    plan = output.plan(arguments.min_duration, arguments.min_count)
    check_threads(arguments.threads, "--threads")
    data = output.data(arguments.data)
    output.check_models(arguments.models)
    record = Record.begin()
    index = output.index(data, None)
    with tempfile.TemporaryDirectory() as folder:
        clip = clips.clip_in(Path(folder), None)
        settings = Settings(clip, (arguments.threads,), plan=plan, engine=arguments.engine)
        lines = measure_matrix(arguments.models, index, settings, progress)
    notes = [
        "Each file is judged on a part of the split that it was trained on, with 95 % Wilson intervals. Labels as "
        "Keras, and the largest difference of a probability, as on the file's card. x float32: of the same format, "
        f"threads: {arguments.threads}, median over the rounds with its 95 % interval."
    ]
    headers, rows = table(lines)
    value = {"lines": to_json(lines)}
    record.publish(destination(arguments), Table("Every format", headers, rows), notes, value)
    return 0 if all(line.status == "ok" for line in lines) else 1
