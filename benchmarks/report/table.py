"""Results as rows of text, for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from benchmarks.measure.accuracy import Accuracy
from benchmarks.measure.row import Row
from toolkit.measure.latency import Latency, Ratio, TimingPlan

HEADERS = (
    *("model", "size MB", "accuracy [95 %]", "n", "vs float32", "network p50/p90/p99 ms", "x float32 [95 %]"),
    *("file to label p50/p90/p99 ms", "peak MB", "fresh start s", "front", "status"),
)
NONE = "-"
SYNTHETIC = (
    "SYNTHETIC: trained on synthetic sounds. The accuracy shows that the programs work, and nothing about music."
)


def cells(row: Row, name: str, front: Collection[str] = ()) -> tuple[str, ...]:
    """Return the texts of a row that is called `name`, one for each of `HEADERS`; `front` names the Pareto front."""
    accuracy, paired, fresh = row.accuracy, row.against_float32, row.fresh
    return (
        name,
        megabytes(row.size_bytes or None, 2),
        share(accuracy),
        str(accuracy.n) if accuracy else NONE,
        f"{paired.changed} changed, +{paired.only_this} -{paired.only_reference}, p = {paired.p:.2f}"
        if paired
        else NONE,
        _percentiles(row.network),
        ratio(row.network_ratio),
        _percentiles(row.file_to_label),
        megabytes(fresh.peak_bytes if fresh else None),
        f"{fresh.seconds:.2f}" if fresh else NONE,
        "yes" if row.name in front else NONE,
        row.status,
    )


def interval(value: float, ends: Sequence[float | None], digits: int) -> str:
    """Return a value with the ends of its interval; an end that is not known is a dash."""
    low, high = (NONE if end is None else f"{end:.{digits}f}" for end in ends)
    return f"{value:.{digits}f} [{low}, {high}]"


def share(value: Accuracy | None) -> str:
    """Return an accuracy with its interval."""
    return interval(value.accuracy, value.wilson95, 3) if value else NONE


def ratio(value: Ratio | None) -> str:
    """Return a quotient of times with its interval."""
    return interval(value.median, (value.low, value.high), 2) if value else NONE


def megabytes(size: int | None, digits: int = 0) -> str:
    """Return a number of bytes in megabytes."""
    return NONE if size is None else f"{size / 1e6:.{digits}f}"


def _percentiles(value: Latency | None) -> str:
    return f"{value.p50_ms:.1f} / {value.p90_ms:.1f} / {value.p99_ms:.1f}" if value else NONE


def filled(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table without the columns that hold dashes only."""
    kept = [place for place in range(len(headers)) if any(row[place] != NONE for row in rows)]
    return tuple(headers[place] for place in kept), [tuple(row[place] for place in kept) for row in rows]


def plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in aligned columns."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = [headers, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; a bar or a line break inside a cell does not end it."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(lines)} |".replace("\n", " ") for lines in map(_escaped, lines))


def _escaped(line: Sequence[str]) -> list[str]:
    return [cell.replace("|", r"\|") for cell in line]


def method(plan: TimingPlan, threads: Sequence[int], clip: str, judged: bool) -> list[str]:
    """Return how the figures were measured, in sentences; those on accuracy only where it was `judged`."""
    counted = f"{', '.join(map(str, threads))} thread{'' if list(threads) == [1] else 's'}"
    accuracy = (
        'Accuracy: with the 95 % Wilson interval. "vs float32": labels changed, samples that only this model (+) '
        "or only float32 (-) gets right, and McNemar's exact p. A file whose input is sound instead of pictures is not "
        "judged. Front: no other file is at least as good in accuracy, file to label, size and peak memory, and better "
        "in one."
    )
    return [
        f"Latency: one query at a time, {counted}, {plan.warmup} warm-up queries, "
        f"then at least {plan.min_count} queries and {plan.min_seconds:g} s per model (up to {plan.most:g} times as "
        f"long where a median's interval is wider than {plan.precision:.0%} to a side), the models taking turns in "
        'short bursts; nearest-rank percentiles. "x float32" (of the same format) is the median over the rounds of the '
        f"quotient of the medians, with its 95 % interval. File to label: {clip}, read, rendered and classified.",
        *([accuracy] if judged else []),
        "Peak MB and fresh start: a new process that imports, loads and classifies once.",
    ]
