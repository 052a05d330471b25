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
from toolkit.error_text import printable
from toolkit.errors import CatalogueError
from toolkit.files import write_text

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
        f"<h1>{_text(title)}</h1>",
        f'<p class="advice"><strong>{figures.files:,} files</strong>, {hours:,.1f} hours of audio, '
        f"{figures.failed:,} failed. Model {_text(str(settings.get('model', '')))} ({figures.model[:12]}...).</p>",
        _section("Labels", _bars(_most(figures.labels), figures.files - figures.failed) if figures.labels else ""),
        _section("Confidence", _histogram(figures.sure) if any(figures.sure) else ""),
        _section("Least sure: listen to these first", _least_sure(figures.least_sure)),
        _section("Failed", _failures(figures)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{title}</h2>\n{content}" if content else ""


def _most(labels: Counter[str]) -> list[tuple[str, int]]:
    shown = labels.most_common(MANY_LABELS)
    rest = labels.total() - sum(count for _, count in shown)
    return [*shown, (f"{len(labels) - len(shown)} more", rest)] if rest else shown


def _bars(counts: list[tuple[str, int]], files: int) -> str:
    most = max(count for _, count in counts)
    lines = [
        f'<tr><td>{_text(label)}</td><td class="bar"><div style="width:{100 * count / most:.2f}%"></div></td>'
        f"<td>{count:,}</td><td>{count / files:.1%}</td></tr>"
        for label, count in counts
    ]
    return f'<table class="bars">{"".join(lines)}</table>'


def _histogram(counts: list[int]) -> str:
    """Return an SVG of how many files have how much confidence."""
    width, height, left, bottom = 720, 220, 60, 24
    most, step = max(counts), (720 - 60) / len(counts)
    bars = []
    for number, count in enumerate(counts):
        tall = (height - bottom - 16) * count / most
        low, high = number / len(counts), (number + 1) / len(counts)
        bars.append(
            f'<rect x="{left + number * step + 1:.1f}" y="{height - bottom - tall:.1f}" width="{step - 2:.1f}" '
            f'height="{tall:.1f}"><title>{low:.2f} to {high:.2f}: {count:,} files</title></rect>'
        )
    ticks = [
        f'<text x="{left + (width - left) * tick / 4:.0f}" y="{height - 6}" text-anchor="'
        f'{"end" if tick == 4 else "middle"}">{tick / 4:g}</text>'
        for tick in range(5)
    ]
    axis = (
        f'<text x="{left - 8}" y="24" text-anchor="end">{most:,}</text>'
        f'<line class="grid" x1="{left}" y1="{height - bottom}" x2="{width}" y2="{height - bottom}"/>'
    )
    return f'<svg viewBox="0 0 {width} {height}" role="img">{axis}{"".join(bars + ticks)}</svg>'


def _least_sure(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        ranked = sorted((row.probabilities or {}).items(), key=lambda pair: -pair[1])[:3]
        classes = ", ".join(f"{label} {probability:.0%}" for label, probability in ranked)
        player = f'<audio controls preload="none" src="{escape(_address(row.file))}"></audio>'
        lines.append(
            f"<tr><td>{_link(row.file)}</td><td>{row.confidence:.1%}</td>"
            f'<td class="text">{_text(classes)}</td><td>{player}</td></tr>'
        )
    head = '<tr><th>file</th><th>confidence</th><th class="text">most probable</th><th></th></tr>'
    return f'<div class="wide"><table>{head}{"".join(lines)}</table></div>' if rows else ""


def _failures(figures: Figures) -> str:
    if not figures.failed:
        return ""
    reasons = "".join(f"<li>{count:,} x {_text(reason)}</li>" for reason, count in figures.reasons.most_common(20))
    lines = "".join(
        f'<tr><td>{_link(row.file)}</td><td class="text">{_text(row.error or "")}</td></tr>' for row in figures.failures
    )
    more = figures.failed - len(figures.failures)
    rest = f"<p>and {more:,} more</p>" if more else ""
    return (
        f'<ul>{reasons}</ul><div class="wide"><table><tr><th>file</th><th class="text">reason</th></tr>'
        f"{lines}</table></div>{rest}<p>--retry-failed tries them again.</p>"
    )


def _link(file: str) -> str:
    folder, name = os.path.split(file)
    return f'<a href="{escape(_address(file))}">{_text(name)}</a><br><small>{_text(folder)}</small>'


def _address(file: str) -> str:
    return file if "://" in file else "file://" + quote(file)


def _text(text: str) -> str:
    return escape(printable(text))


_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --line: #d5dbe3; --dim: #8a94a3; --mark: #0b6bcb; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9f0; --paper: #12161c; --line: #333c48; --dim: #7d8897; --mark: #5fb0ff; }
}
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.advice { border-left: 4px solid var(--mark); padding: .3rem .8rem; }
.wide { overflow-x: auto; } a { color: var(--mark); } small { color: var(--dim); }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, .text { text-align: left; }
.bars { width: 100%; max-width: 45rem; } .bars .bar { width: 70%; } .bar div { background: var(--mark); height: .9rem; }
svg { width: 100%; height: auto; max-width: 45rem; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .grid { stroke: var(--line); } svg rect { fill: var(--mark); }
audio { height: 2rem; width: 16rem; }
"""
