"""A benchmark's result as one page of HTML that needs nothing beside it: no network, no other file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.measure.row import short_names
from benchmarks.report.table import NONE, interval
from benchmarks.report.trade_off import Dot, trade_off
from toolkit.page.charts import distributions, heat_map, stacked
from toolkit.page.document import document, section, wide

STAGES = ("read", "resample", "front_end", "network", "post")
SCORES = ("precision", "recall", "f1")
TO_LABEL = "from file to label, ms"
HEADS = (
    *("file", "size MB", "accuracy [95 %]", "file to label p50 ms", "network p50 ms [95 %]", "p90", "p99"),
    *("x float32 [95 %]", "peak MB", "start s", "labels changed", "McNemar p", "top-5", "calibration error"),
    "status",
)
_GREY = " Grey: another file is at least as good in all, and better in something."
_SORT = Path(__file__).parents[1] / "assets" / "page.js"


def page(value: Mapping[str, Any]) -> str:
    """Return the page of a result, the JSON value that `python -m benchmarks --json` writes."""
    front = set(value["front"])
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
        *(f'<p class="doubt">{escape(text)}</p>' for text in doubts),
        _advice(value["advice"], names) if judged else "",
        section("Files", _table(rows, front), f"<p>Press a heading to sort.{_GREY if front else ''}</p>"),
        section("Accuracy against time", trade_off(_dots(rows, front), TO_LABEL, "accuracy")),
        section("From file to label", distributions(whole, "ms", "times from file to label")),
        section("The network alone", distributions(network, "ms", "times of the network")),
        section("Stages from file to label", stacked(stages, "ms", "times of the stages")),
        section("Confusions", *(_confusion(row, name) for name, row in judged.items())),
        section("Machine and method", _record(value)),
    ]
    return document(value.get("title", "Benchmarks"), parts, _SORT.read_text(encoding="utf-8"))


def _advice(advice: Mapping[str, Any], names: Mapping[str, str]) -> str:
    name = advice["name"]
    ship = f"<strong>{escape(names[name])}</strong>: " if name else ""
    return f'<p class="advice">To ship: {ship}{escape(advice["reason"])}.</p>'


def _table(rows: Mapping[str, Mapping[str, Any]], front: set[str]) -> str:
    lines = []
    for name, row in rows.items():
        kind = ' class="dim"' if front and row["accuracy"] and row["name"] not in front else ""
        lines.append(f"<tr{kind}>{''.join(_cells(row, name))}</tr>")
    head = "".join(f'<th scope="col"><button type="button">{escape(text)}</button></th>' for text in HEADS)
    body = f"<tbody>{''.join(lines)}</tbody>"
    return wide("files", f'<table class="sortable"><thead><tr>{head}</tr></thead>{body}</table>')


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
    """Return a file's confusion matrix, and how well it knows each class."""
    detail, accuracy = row["detail"], row["accuracy"]
    matrix = list(zip(detail["labels"], detail["confusion"], strict=True))
    scores = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f"<td>{detail['per_class'][label][key]:.2f}</td>" for key in SCORES)
        + "</tr>"
        for label in detail["labels"]
    )
    head = "".join(f'<th scope="col">{text}</th>' for text in ("class", "precision", "recall", "F1"))
    return (
        f"<details><summary>{escape(name)}: {accuracy['correct']} of {accuracy['n']} right</summary>"
        + heat_map("true, in rows", detail["labels"], matrix, f"confusions of {name}")
        + f"<table><thead><tr>{head}</tr></thead><tbody>{scores}</tbody></table></details>"
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
    return wide("machine", f"<table><tbody>{rows}</tbody></table>") + command + notes
