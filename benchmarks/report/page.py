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
from benchmarks.report.table import NONE, interval

STAGES = ("read", "resample", "front_end", "network", "post")
TO_LABEL = "from file to label, ms"
HEADS = (
    *("file", "size MB", "accuracy [95 %]", "file to label p50 ms", "network p50 ms [95 %]", "p90", "p99"),
    *("x float32 [95 %]", "peak MB", "start s", "labels changed", "McNemar p", "top-5", "calibration error"),
    "status",
)
_GREY = " Grey: another file is at least as good in all, and better in something."
_ASSETS = Path(__file__).parents[1] / "assets"


def page(value: Mapping[str, Any]) -> str:
    """Return the page of a result, the JSON value that `python -m benchmarks --json` writes."""
    front, title = set(value["front"]), escape(value.get("title", "Benchmarks"))
    names = short_names([row["name"] for row in value["rows"]])
    rows = {names[row["name"]]: row for row in value["rows"]}
    doubts = [f"Doubtful: {text}." for text in value["conditions"]["doubts"]] + list(value["warnings"])
    judged = {name: row for name, row in rows.items() if row["detail"]}
    whole, network = (
        {name: row[key]["percentiles_ms"] for name, row in rows.items() if row[key]}
        for key in ("file_to_label", "network")
    )
    stages = {name: {key: row["stages"][key] for key in STAGES} for name, row in rows.items() if row["stages"]}
    parts = [
        f"<h1>{title}</h1>",
        *(f'<p class="doubt">{escape(text)}</p>' for text in doubts),
        _advice(value["advice"], names) if judged else "",
        "<h2>Files</h2>",
        _table(rows, front),
        f"<p>Click a heading to sort.{_GREY if front else ''}</p>",
        _section("Accuracy against time", svg.trade_off(_dots(rows, front), TO_LABEL, "accuracy")),
        _section("From file to label", svg.distributions(whole, "ms")),
        _section("The network alone", svg.distributions(network, "ms")),
        _section("Stages from file to label", svg.stacked(stages, "ms")),
        _section("Confusions", *(_confusion(row, name) for name, row in judged.items())),
        _section("Machine and method", _record(value)),
    ]
    style, script = ((_ASSETS / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body>\n"
        + "\n".join(filter(None, parts))
        + f"\n<script>{script}</script></body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    """Return parts under a heading, and nothing where there are none."""
    return f"<h2>{title}</h2>\n" + "\n".join(parts) if any(parts) else ""


def _advice(advice: Mapping[str, Any], names: Mapping[str, str]) -> str:
    name = advice["name"]
    ship = f"<strong>{escape(names[name])}</strong>: " if name else ""
    return f'<p class="advice">To ship: {ship}{escape(advice["reason"])}.</p>'


def _table(rows: Mapping[str, Mapping[str, Any]], front: set[str]) -> str:
    lines = []
    for name, row in rows.items():
        kind = ' class="dim"' if front and row["accuracy"] and row["name"] not in front else ""
        lines.append(f"<tr{kind}>{''.join(_cells(row, name))}</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in HEADS)
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cells(row: Mapping[str, Any], name: str) -> list[str]:
    """Return the cells of a row, one for each of `HEADS`."""
    none: dict[str, Any] = {}
    accuracy, detail, paired = (row[key] or none for key in ("accuracy", "detail", "against_float32"))
    network, ratio, whole, fresh = (row[key] or none for key in ("network", "network_ratio", "file_to_label", "fresh"))
    return [
        _cell(name, name),
        _number(row["size_bytes"], 2, 1e-6),
        _number(accuracy.get("accuracy"), 3, ends=accuracy.get("wilson95")),
        _number(whole.get("p50_ms"), 1),
        _number(network.get("p50_ms"), 1, ends=network.get("p50_95")),
        *(_number(network.get(key), 1) for key in ("p90_ms", "p99_ms")),
        _number(ratio.get("median"), 2, ends=(ratio.get("low"), ratio.get("high"))),
        _number(fresh.get("peak_bytes"), 0, 1e-6),
        _number(fresh.get("seconds"), 2),
        _number(paired.get("changed"), 0),
        _number(paired.get("p"), 2),
        _number(detail.get("top5"), 3),
        _number(detail.get("calibration_error"), 3),
        f'<td class="text">{escape(row["status"])}</td>',
    ]


def _number(value: float | None, digits: int, unit: float = 1, ends: Sequence[float | None] | None = None) -> str:
    """Return the cell of a number, with its interval where it has one."""
    if value is None:
        return _cell("", NONE)
    return _cell(value, interval(value, ends, digits) if ends else f"{value * unit:.{digits}f}")


def _cell(value: object, text: str) -> str:
    """Return a cell with the value that it is sorted by; empty values come last."""
    return f'<td data-v="{escape(str(value))}">{escape(text)}</td>'


def _dots(rows: Mapping[str, Mapping[str, Any]], front: set[str]) -> list[Dot]:
    return [
        Dot(
            name,
            (row["file_to_label"] or row["network"])["p50_ms"],
            row["accuracy"]["accuracy"],
            row["accuracy"]["wilson95"][0],
            row["accuracy"]["wilson95"][1],
            row["name"] in front,
        )
        for name, row in rows.items()
        if row["accuracy"] and row["network"]
    ]


def _confusion(row: Mapping[str, Any], name: str) -> str:
    """Return a file's confusion matrix: the darker a cell, the more of a true class are in it."""
    detail, accuracy = row["detail"], row["accuracy"]
    heads = "".join(f"<th>{escape(label)}</th>" for label in detail["labels"])
    lines = []
    for label, counts in zip(detail["labels"], detail["confusion"], strict=True):
        total, score = sum(counts) or 1, detail["per_class"][label]
        cells = "".join(
            f'<td style="background: color-mix(in srgb, var(--mark) {round(100 * count / total)}%, transparent)">'
            f"{count or ''}</td>"
            for count in counts
        )
        scores = "".join(f"<td>{score[key]:.2f}</td>" for key in ("precision", "recall", "f1"))
        lines.append(f"<tr><td>{escape(label)}</td>{cells}{scores}</tr>")
    return (
        f"<details><summary>{escape(name)}: {accuracy['correct']} of {accuracy['n']} right</summary>"
        f'<div class="wide"><table class="confusion"><thead><tr><th>true, in rows</th>{heads}<th>precision</th>'
        f"<th>recall</th><th>F1</th></tr></thead><tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _record(value: Mapping[str, Any]) -> str:
    """Return the machine, the command and the notes, whose text between backticks is code."""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="text">{escape(text)}</td></tr>'
        for name, text in value["machine"].items()
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in value["notes"] if note not in value["warnings"])
    notes = re.sub(r"`([^`]*)`", r"<code>\1</code>", notes)
    command = f"<p><code>{escape(value['command'])}</code></p>"
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>{command}{notes}'
