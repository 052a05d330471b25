"""Every network in every format, on every split that it was trained on, one line a file's kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.measure.accuracy import Accuracy
from benchmarks.measure.evaluation import own_split
from benchmarks.measure.row import Row
from benchmarks.measure.settings import Settings, Stage, silent
from benchmarks.measure.suite import measure_models
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import ParityCard
from toolkit.artifact.file import file_format, read_card
from toolkit.data.dataset import Index
from toolkit.errors import UsageError
from toolkit.measure.latency import Plan, Ratio

NONE = "-"
BRIEF = Plan(min_seconds=0, min_count=1, warmup=0, burst_seconds=0, burst_count=1)
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
    found: dict[Kind, Line] = {}
    for card, row in measured:
        format = file_format(Path(row.file))
        kind = (card.model, card.input_level, card.precision, format)
        accuracies = {row.judged_on: row.accuracy} if row.accuracy else {}
        if kind not in found:
            ratio = row.network_ratio
            found[kind] = Line(*kind, row.size_bytes, accuracies, card.parity, ratio, row.status)
            continue
        known = found[kind]
        if known.accuracies.keys() & accuracies.keys():
            raise UsageError(
                f"{row.file}: a second {card.precision} {format} file of {card.model} that is judged on "
                f"{row.judged_on}: name one run a network and split"
            )
        status = row.status if known.status == "ok" else known.status
        found[kind] = replace(known, accuracies=known.accuracies | accuracies, status=status)
    return list(found.values())


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
