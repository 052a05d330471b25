"""Every network in every format, on every split that it was trained on, one line a file's kind."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.arguments import PROG, add_common, destination
from benchmarks.measure import clips
from benchmarks.measure.accuracy import Accuracy
from benchmarks.measure.evaluation import own_split
from benchmarks.measure.row import Row
from benchmarks.measure.settings import Settings, Stage, silent
from benchmarks.measure.suite import measure_models
from benchmarks.report import output
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

NONE = "-"
BRIEF = TimingPlan(min_seconds=0, min_count=1, warmup=0, burst_seconds=0, burst_count=1)
"""For the files of a second split: they are as fast as those of the first."""

Kind = tuple[str, str, str, str]
"""Network, what it takes, precision, format."""


@dataclass(frozen=True)
class Line:
    """One kind of file.

    Attributes
    ----------
    model, level, precision, format
        The kind.
    size_bytes
        Of the first split's file.
    accuracies
        By split and part ("paper/validation"), each of the file that was trained on that split.
    parity
        The first split's file beside Keras, from its card.
    ratio
        Its time as a multiple of float32's of its format; None where only a later split has such a file.
    status
        "ok", or the first thing that was wrong.
    """

    model: str
    level: str
    precision: str
    format: str
    size_bytes: int
    accuracies: dict[str, Accuracy]
    parity: ParityCard
    ratio: Ratio | None
    status: str


def measure_matrix(paths: Sequence[Path], index: Index, settings: Settings, stage: Stage = silent) -> list[Line]:
    """Measure model files, network by network and split by split, and join what is of one kind.

    A file is judged on the test part of its own split where that has one, else on its validation part.

    Parameters
    ----------
    paths
        Model files; those of a network's first split come first.
    index
        The dataset.
    settings
        How to measure; its part is not heeded.

    Raises
    ------
    ArtifactError
        If a file is no model file.
    UsageError
        If two files are of one kind and one split.
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
    by_kind: dict[Kind, Line] = {}
    for card, row in measured:
        format = file_format(Path(row.file))
        kind = (card.model, card.input_level, card.precision, format)
        accuracies = {row.judged_on: row.accuracy} if row.accuracy else {}
        if kind not in by_kind:
            ratio = row.network_ratio
            by_kind[kind] = Line(*kind, row.size_bytes, accuracies, card.parity, ratio, row.status)
            continue
        line = by_kind[kind]
        if line.accuracies.keys() & accuracies.keys():
            raise UsageError(
                f"{row.file}: a second {card.precision} {format} file of {card.model} that is judged on "
                f"{row.judged_on}: name one run a network and split"
            )
        status = row.status if line.status == "ok" else line.status
        by_kind[kind] = replace(line, accuracies=line.accuracies | accuracies, status=status)
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
    ratio = line.ratio
    return (
        line.model + level,
        line.format,
        line.precision,
        f"{line.size_bytes / 1e6:.2f}",
        *(_share(line.accuracies, name) for name in judged),
        f"{line.parity.top1_agreement:.1%}",
        f"{line.parity.max_abs:g}",
        f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else NONE,
        line.status,
    )


def _share(accuracies: Mapping[str, Accuracy], name: str) -> str:
    value = accuracies.get(name)
    if value is None:
        return NONE
    return f"{value.accuracy:.3f} [{value.wilson95[0]:.3f}, {value.wilson95[1]:.3f}] (n = {value.n})"


def parser() -> Parser:
    """Return the parser of `matrix`."""
    parser = Parser(
        prog=f"{PROG} matrix",
        description="Every network in every format, each file judged on the split it was trained on.",
    )
    parser.add_argument(
        "models", nargs="+", type=Path, metavar="MODEL", help="model files, a network's timed ones first"
    )
    add_common(parser)
    parser.add_argument(
        "--min-duration", type=float, default=10.0, metavar="S", help="seconds per model and latency (%(default)s)"
    )
    parser.add_argument(
        "--min-count", type=int, default=50, metavar="N", help="queries per model and latency (%(default)s)"
    )
    return parser


def main(arguments: argparse.Namespace) -> int:
    """Measure every network in every format; returns 1 where something was wrong with a file."""
    plan = output.plan(arguments.min_duration, arguments.min_count)
    check_threads(arguments.threads, "--threads")
    data = output.data(arguments.data)
    output.check_models(arguments.models)
    record = output.begin()
    index = output.index(data, None)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "made-up.wav"
        clips.write_clip(clip)
        settings = Settings(clip, (arguments.threads,), plan=plan, engine=arguments.engine)
        lines = measure_matrix(arguments.models, index, settings, progress)
    notes = [
        "Each file is judged on a part of the split that it was trained on, with 95 % Wilson intervals. Labels as "
        "Keras, and the largest difference of a probability, as the file's card says. x float32: of the same format, "
        f"threads: {arguments.threads}, median over the rounds with its 95 % interval."
    ]
    headers, rows = table(lines)
    value = {"lines": to_json(lines)}
    output.publish(destination(arguments), record, output.Table("Every format", headers, rows), notes, value)
    return 0 if all(line.status == "ok" for line in lines) else 1
