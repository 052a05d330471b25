"""A benchmark's result as one page of HTML that needs nothing beside it: no network, no other file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.measure.row import short_names
from benchmarks.report import svg
from benchmarks.report.svg import Dot

NONE = "-"
STAGES = ("read", "resample", "front_end", "network", "post")
TO_LABEL = "from file to label, ms"
_GREY = " Grey: another file is at least as good in all, and better in something."
_ASSETS = Path(__file__).parents[1] / "assets"


def page(value: Mapping[str, Any]) -> str:
    """Return the page of a result, the JSON value that `python -m benchmarks --json` writes."""
    rows, front = value["rows"], set(value["front"])
    names = short_names([row["name"] for row in rows])
    parts = [
        f"<h1>{escape(value.get('title', 'Benchmarks'))}</h1>",
        *(f'<p class="doubt">Doubtful: {escape(text)}.</p>' for text in value["conditions"]["doubts"]),
        *(f'<p class="doubt">{escape(text)}</p>' for text in value["warnings"]),
        _advice(value["advice"], names) if any(row["detail"] for row in rows) else "",
        "<h2>Files</h2>",
        _table(rows, front, names),
        f"<p>Click a heading to sort.{_GREY if front else ''}</p>",
        _section("Accuracy against time", svg.trade_off(_dots(rows, front, names), TO_LABEL, "accuracy")),
        _section("From file to label", svg.distributions(_spreads(rows, "file_to_label", names), "ms")),
        _section("The network alone", svg.distributions(_spreads(rows, "network", names), "ms")),
        _section("Stages from file to label", svg.stacked(_stages(rows, names), "ms")),
        _section("What is taken for what", *(_confusion(row, names[row["name"]]) for row in rows if row["detail"])),
        "<h2>Machine and method</h2>",
        _record(value),
    ]
    title = escape(value.get("title", "Benchmarks"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_asset('page.css')}</style></head><body>\n"
        + "\n".join(part for part in parts if part)
        + f"\n<script>{_asset('page.js')}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _section(title: str, *parts: str) -> str:
    """Return parts under a heading, and nothing where there are none."""
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts) if any(parts) else ""


def _advice(advice: Mapping[str, Any], names: Mapping[str, str]) -> str:
    name = advice["name"]
    ship = f"<strong>{escape(names[name])}</strong>: " if name else ""
    return f'<p class="advice">To ship: {ship}{escape(advice["reason"])}.</p>'


def _table(rows: Sequence[Mapping[str, Any]], front: set[str], names: Mapping[str, str]) -> str:
    heads = (
        *("file", "size MB", "accuracy [95 %]", "file to label p50 ms", "network p50 ms [95 %]", "p90", "p99"),
        *("x float32 [95 %]", "peak MB", "start s", "labels changed", "McNemar p", "top-5", "calibration error"),
        "status",
    )
    lines = []
    for row in rows:
        kind = ' class="dim"' if front and row["accuracy"] and row["name"] not in front else ""
        lines.append(f"<tr{kind}>{''.join(_cells(row, names[row['name']]))}</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cells(row: Mapping[str, Any], name: str) -> list[str]:
    accuracy, detail, paired = row["accuracy"], row["detail"], row["against_float32"]
    network, ratio, whole, fresh = row["network"], row["network_ratio"], row["file_to_label"], row["fresh"]
    return [
        _cell(name, name),
        _cell(row["size_bytes"], f"{row['size_bytes'] / 1e6:.2f}"),
        _cell(accuracy and accuracy["accuracy"], accuracy and _within(accuracy["accuracy"], accuracy["wilson95"], 3)),
        _cell(whole and whole["p50_ms"], whole and f"{whole['p50_ms']:.1f}"),
        _cell(network and network["p50_ms"], network and _within(network["p50_ms"], network["p50_95"], 1)),
        *(_cell(network and network[f"{p}_ms"], network and f"{network[f'{p}_ms']:.1f}") for p in ("p90", "p99")),
        _cell(ratio and ratio["median"], ratio and _within(ratio["median"], (ratio["low"], ratio["high"]), 2)),
        _cell(fresh and fresh["peak_bytes"], fresh and fresh["peak_bytes"] and f"{fresh['peak_bytes'] / 1e6:.0f}"),
        _cell(fresh and fresh["seconds"], fresh and f"{fresh['seconds']:.2f}"),
        _cell(paired and paired["changed"], paired and str(paired["changed"])),
        _cell(paired and paired["p"], paired and f"{paired['p']:.2f}"),
        _cell(detail and detail["top5"], detail and detail["top5"] is not None and f"{detail['top5']:.3f}"),
        _cell(detail and detail["calibration_error"], detail and f"{detail['calibration_error']:.3f}"),
        f'<td class="text">{escape(row["status"])}</td>',
    ]


def _cell(value: object, text: object) -> str:
    """Return a cell with the value that it is sorted by; empty values come last."""
    if value is None or text in (None, False):
        return f'<td data-v="">{NONE}</td>'
    return f'<td data-v="{escape(str(value), quote=True)}">{escape(str(text))}</td>'


def _within(value: float, ends: Sequence[float | None], digits: int) -> str:
    low, high = (NONE if end is None else f"{end:.{digits}f}" for end in ends)
    return f"{value:.{digits}f} [{low}, {high}]"


def _dots(rows: Sequence[Mapping[str, Any]], front: set[str], names: Mapping[str, str]) -> list[Dot]:
    return [
        Dot(
            names[row["name"]],
            (row["file_to_label"] or row["network"])["p50_ms"],
            row["accuracy"]["accuracy"],
            row["accuracy"]["wilson95"][0],
            row["accuracy"]["wilson95"][1],
            row["name"] in front,
        )
        for row in rows
        if row["accuracy"] and row["network"]
    ]


def _stages(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, dict[str, float]]:
    return {names[row["name"]]: {name: row["stages"][name] for name in STAGES} for row in rows if row["stages"]}


def _spreads(rows: Sequence[Mapping[str, Any]], key: str, names: Mapping[str, str]) -> dict[str, Sequence[float]]:
    return {names[row["name"]]: row[key]["percentiles_ms"] for row in rows if row[key]}


def _confusion(row: Mapping[str, Any], name: str) -> str:
    """Return a file's confusion matrix, its darker cells for what is more of a true class."""
    detail = row["detail"]
    heads = "".join(f"<th>{escape(label)}</th>" for label in detail["labels"])
    lines = []
    for label, counts in zip(detail["labels"], detail["confusion"], strict=True):
        total = sum(counts) or 1
        cells = "".join(
            f'<td style="background: color-mix(in srgb, var(--mark) {round(100 * count / total)}%, transparent)">'
            f"{count or ''}</td>"
            for count in counts
        )
        score = detail["per_class"][label]
        lines.append(
            f"<tr><td>{escape(label)}</td>{cells}<td>{score['precision']:.2f}</td><td>{score['recall']:.2f}</td>"
            f"<td>{score['f1']:.2f}</td></tr>"
        )
    accuracy = row["accuracy"]
    return (
        f"<details><summary>{escape(name)}: {accuracy['correct']} of {accuracy['n']} right</summary>"
        f'<div class="wide"><table class="confusion"><thead><tr><th>true, in rows</th>{heads}<th>precision</th>'
        f"<th>recall</th><th>F1</th></tr></thead><tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _record(value: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="text">{escape(text)}</td></tr>'
        for name, text in value["machine"].items()
    )
    notes = "".join(f"<p>{_code(escape(note))}</p>" for note in value["notes"] if note not in value["warnings"])
    command = f"<p><code>{escape(value['command'])}</code></p>"
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>{command}{notes}'


def _code(text: str) -> str:
    """Return a text's commands, which stand between backticks, as HTML."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
