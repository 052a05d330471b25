"""Results as one page of HTML that needs nothing beside it."""

from __future__ import annotations

import heapq
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

from runtime.catalogue.open_store import existing_store
from runtime.catalogue.row import Row
from toolkit.errors import CatalogueError
from toolkit.files import write_text
from toolkit.page.charts import bars, columns
from toolkit.page.document import document, escaped, section, wide

BINS = 20
LEAST_SURE, FAILURES = 50, 200
MANY_LABELS = 100


@dataclass(frozen=True)
class ReportRequest:
    """The store to report on, and the page to write."""

    results: str
    page: Path


@dataclass
class Figures:
    """What a page shows of rows.

    Attributes
    ----------
    labels
        Files by label; of a multi-label network a file counts for each of its labels.
    sure
        Files by confidence, in `BINS` equal steps from 0 to 1.
    least_sure
        The files with the lowest confidence.
    failures
        The first files that failed; `reasons` counts all.
    models, settings
        What the rows are from.
    """

    files: int = 0
    failed: int = 0
    seconds: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)
    sure: list[int] = field(default_factory=lambda: [0] * BINS)
    least_sure: list[Row] = field(default_factory=list)
    failures: list[Row] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    settings: str = "{}"
    model: str = ""


def report(request: ReportRequest) -> Figures:
    """Write the page; raise `UsageError` or `CatalogueError` where there are no results of ours."""
    figures = figures_of(existing_store(request.results).rows())
    if not figures.files:
        raise CatalogueError(f"{request.results}: there are no results: run the catalogue first")
    write_text(request.page, page(figures, Path(request.results).name))
    return figures


def figures_of(rows: Iterable[Row]) -> Figures:
    """Return what a page shows of rows, each of which is read once."""
    figures = Figures()

    def classified() -> Iterator[Row]:
        for row in rows:
            figures.files += 1
            figures.model, figures.settings = row.model, row.settings
            if row.error is not None:
                figures.failed += 1
                figures.reasons[row.error.partition(" (")[0]] += 1
                figures.failures += [row] if len(figures.failures) < FAILURES else []
                continue
            figures.seconds += row.duration or 0.0
            figures.labels.update(row.labels or (str(row.label),))
            if row.confidence is not None:
                figures.sure[min(BINS - 1, math.floor(row.confidence * BINS))] += 1
                yield row

    figures.least_sure = heapq.nsmallest(LEAST_SURE, classified(), key=lambda row: (row.confidence, row.file))
    return figures


def page(figures: Figures, title: str) -> str:
    """Return the page."""
    settings = json.loads(figures.settings)
    hours = figures.seconds / 3600
    parts = [
        f'<p class="advice"><strong>{figures.files:,} files</strong>, {hours:,.1f} hours of audio, '
        f"{figures.failed:,} failed. Model {escaped(str(settings.get('model', '')))} ({figures.model[:12]}...).</p>",
        section("Labels", _bars(_most(figures.labels), figures.files - figures.failed) if figures.labels else ""),
        section("Confidence", _histogram(figures.sure) if any(figures.sure) else ""),
        section("Least sure: listen to these first", _least_sure(figures.least_sure)),
        section("Failed", _failures(figures)),
    ]
    return document(title, parts)


def _most(labels: Counter[str]) -> list[tuple[str, int]]:
    shown = labels.most_common(MANY_LABELS)
    rest = labels.total() - sum(count for _, count in shown)
    return [*shown, (f"{len(labels) - len(shown)} more", rest)] if rest else shown


def _bars(counts: list[tuple[str, int]], files: int) -> str:
    return bars([(label, count, f"{count:,} ({count / files:.1%})") for label, count in counts])


def _histogram(counts: list[int]) -> str:
    """Return how many files have how much confidence."""
    edges = [f"{number / len(counts):.2f}" for number in range(len(counts) + 1)]
    values = [(f"{edges[n]} to {edges[n + 1]}: {count:,} files", float(count)) for n, count in enumerate(counts)]
    return columns(values, [(tick / 4, f"{tick / 4:g}") for tick in range(5)], "files by confidence")


def _least_sure(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        ranked = sorted((row.probabilities or {}).items(), key=lambda pair: -pair[1])[:3]
        classes = ", ".join(f"{label} {probability:.0%}" for label, probability in ranked)
        source = f'aria-label="{escaped(row.file)}" src="{escape(_address(row.file))}"'
        player = f'<audio controls preload="none" {source}></audio>'
        lines.append(
            f"<tr><td>{_link(row.file)}</td><td>{row.confidence:.1%}</td>"
            f'<td class="text">{escaped(classes)}</td><td>{player}</td></tr>'
        )
    head = '<tr><th>file</th><th>confidence</th><th class="text">most probable</th><th class="text">listen</th></tr>'
    return wide("least sure", f"<table>{head}{''.join(lines)}</table>") if rows else ""


def _failures(figures: Figures) -> str:
    if not figures.failed:
        return ""
    reasons = "".join(f"<li>{count:,} x {escaped(reason)}</li>" for reason, count in figures.reasons.most_common(20))
    lines = "".join(
        f'<tr><td>{_link(row.file)}</td><td class="text">{escaped(row.error or "")}</td></tr>'
        for row in figures.failures
    )
    more = figures.failed - len(figures.failures)
    rest = f"<p>and {more:,} more</p>" if more else ""
    head = '<tr><th>file</th><th class="text">reason</th></tr>'
    table = wide("failed files", f"<table>{head}{lines}</table>")
    return f"<ul>{reasons}</ul>{table}{rest}<p>--retry-failed tries them again.</p>"


def _link(file: str) -> str:
    folder, name = os.path.split(file)
    return f'<a href="{escape(_address(file))}">{escaped(name)}</a><br><small>{escaped(folder)}</small>'


def _address(file: str) -> str:
    return file if "://" in file else "file://" + quote(file)
