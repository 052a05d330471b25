"""Results as rows of text, for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from benchmarks.measure.accuracy import Paired
from benchmarks.measure.row import Row
from toolkit.measure.latency import Latency, Ratio, TimingPlan
from toolkit.measure.machine import machine_line

HEADERS = (
    "model",
    "size MB",
    "accuracy [95 %]",
    "n",
    "vs float32",
    "network p50/p90/p99 ms",
    "x float32 [95 %]",
    "file to label p50/p90/p99 ms",
    "peak MB",
    "fresh start s",
    "front",
    "status",
)
NONE = "-"
SYNTHETIC = "SYNTHETIC: trained on made-up sounds. The accuracy shows that the programs work, and nothing about music."


def cells(row: Row, name: str, front: Collection[str] = ()) -> tuple[str, ...]:
    """Return the texts of a row that is called `name`, one for each of `HEADERS`.

    `front` are the files that no other one beats in everything.
    """
    accuracy, fresh = row.accuracy, row.fresh
    peak = fresh.peak_bytes if fresh else None
    return (
        name,
        f"{row.size_bytes / 1e6:.2f}" if row.size_bytes else NONE,
        f"{accuracy.accuracy:.3f} [{accuracy.wilson95[0]:.3f}, {accuracy.wilson95[1]:.3f}]" if accuracy else NONE,
        str(accuracy.n) if accuracy else NONE,
        _paired(row.against_float32),
        _latency(row.network),
        _ratio(row.network_ratio),
        _latency(row.file_to_label),
        f"{peak / 1e6:.0f}" if peak else NONE,
        f"{fresh.seconds:.2f}" if fresh else NONE,
        "yes" if row.name in front else NONE,
        row.status,
    )


def filled(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table without the columns in which nothing is known."""
    kept = [place for place in range(len(headers)) if any(row[place] != NONE for row in rows)]
    return tuple(headers[place] for place in kept), [tuple(row[place] for place in kept) for row in rows]


def spread(row: Row) -> float:
    """Return how far a row's medians may be off, as a share of them."""
    return max((timed.spread for timed in (row.network, row.file_to_label) if timed), default=0.0)


def _paired(value: Paired | None) -> str:
    return f"{value.changed} changed, +{value.only_this} -{value.only_reference}, p = {value.p:.2f}" if value else NONE


def _latency(value: Latency | None) -> str:
    return f"{value.p50_ms:.1f} / {value.p90_ms:.1f} / {value.p99_ms:.1f}" if value else NONE


def _ratio(value: Ratio | None) -> str:
    return f"{value.median:.2f} [{value.low:.2f}, {value.high:.2f}]" if value else NONE


def plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in aligned columns."""
    lines = [headers, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; a bar or a line break inside a cell is kept from ending it."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in line)} |" for line in lines
    )


def facts(machine: Mapping[str, str], command: str, notes: Sequence[str]) -> str:
    """Return the Markdown that says where a table comes from: the command, the machine, the method."""
    return "\n\n".join([f"`{command}`", machine_line(machine), *notes])


def method(plan: TimingPlan, threads: Sequence[int], clip: str, judged: bool) -> tuple[str, ...]:
    """Return how the figures were measured, in plain words; `judged` tells whether accuracy was."""
    counted = f"{', '.join(map(str, threads))} thread{'' if list(threads) == [1] else 's'}"
    fresh = "Peak MB and fresh start: a new process that imports, loads and classifies once."
    accuracy = (
        'Accuracy: with the 95 % Wilson interval. "vs float32": labels changed, samples that only this model (+) '
        "or only float32 (-) gets right, and McNemar's exact p. A file that takes sound instead of pictures is not "
        "judged. Front: no other file is at least as good in accuracy, file to label, size and peak memory, and better "
        "in one."
    )
    return (
        f"Latency: one query at a time, {counted}, {plan.warmup} warm-up queries, "
        f"then at least {plan.min_count} queries and {plan.min_seconds:g} s a model (up to {plan.most:g} times as long "
        f"where a median's interval is wider than {plan.precision:.0%} to a side), the models taking turns in short "
        'bursts; nearest-rank percentiles. "x float32" (of the same format) is the median over the rounds of the '
        f"quotient of the medians, with its 95 % interval. File to label: {clip}, read, drawn and classified.",
        *([accuracy] if judged else []),
        fresh,
    )
