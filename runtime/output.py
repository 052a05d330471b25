"""Predictions as text: a table for people, JSON lines and CSV for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.classifier import Classifier
from runtime.prediction import FEW, MANY, Prediction, State
from toolkit.artifact.card import Card, feature_level
from toolkit.error_text import printable

if TYPE_CHECKING:
    from runtime.classify import FilesRequest

BAR = 24


class Result(NamedTuple):
    """What is shown of one source: its name, its text and what is doubtful about it, or an error."""

    name: str
    text: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""


def state_of(prediction: Prediction, least: float | None) -> State:
    """Return what a file is: unknown where no class is as probable as `least`, or where that is None its threshold."""
    if prediction.silent:
        return State.SILENCE
    return State.LABEL if prediction.active_from(least) else State.UNKNOWN


def label_of(prediction: Prediction, least: float | None, join: str = "; ") -> str:
    """Return the most probable class, "unknown" or "silence"; several of a multi-label network are joined."""
    state = state_of(prediction, least)
    if state is not State.LABEL:
        return state
    return prediction.label if prediction.active is None else join.join(prediction.active_from(least))


def as_json(name: str, prediction: Prediction, least: float | None) -> str:
    """Return one JSON object.

    Its keys are file, state, label, confidence, probabilities by label, windows, timings_ms, model and warnings. Of a
    multi-label network, `label` is the most probable of the `labels`, which follow it.
    """
    state = state_of(prediction, least)
    labels = list(prediction.active_from(least)) if state is State.LABEL else []
    value = {
        "file": name,
        "state": state,
        "label": prediction.label if state is State.LABEL else state,
        **({} if prediction.active is None else {"labels": labels}),
        "confidence": None if prediction.silent else prediction.confidence,
        "probabilities": prediction.by_label(),
        "windows": [
            {
                "start": window.start,
                "end": window.end,
                "silent": window.silent,
                "probabilities": dict(zip(prediction.labels, window.probabilities, strict=True)),
            }
            for window in prediction.windows
        ],
        "timings_ms": prediction.timings_ms,
        "model": prediction.model,
        "warnings": prediction.warnings,
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def csv_line(cells: Sequence[Any]) -> str:
    """Return a line of CSV (RFC 4180) without its end."""
    import csv  # a table or JSON does not wait for it
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)  # cells with these in them are quoted
    return text.getvalue().removesuffix("\r\n")


def csv_header(labels: Sequence[str]) -> str:
    """Return the columns: file, label, confidence, one for each class, total_ms, model, state, warnings."""
    return csv_line(["file", "label", "confidence", *labels, "total_ms", "model", "state", "warnings"])


def as_csv(name: str, prediction: Prediction, least: float | None, labels: Sequence[str]) -> str:
    """Return a prediction as a line below `csv_header(labels)`."""
    probability_by_label = prediction.by_label()
    scores = [f"{probability_by_label[label]:.6f}" for label in labels]
    confidence = "" if prediction.silent else f"{prediction.confidence:.6f}"
    rest = [prediction.timings_ms["total"], prediction.model, state_of(prediction, least)]
    warnings = "; ".join(prediction.warnings)
    return csv_line([name, label_of(prediction, least), confidence, *scores, *rest, warnings])


def as_table(name: str, prediction: Prediction, least: float | None, top: int | None) -> str:
    """Return a heading with the label and the times, and a line with a bar for each of the `top` classes."""
    times = prediction.timings_ms
    reading = times["read"] + times["resample"]
    parts = f"read {reading:.0f}, picture {times['front_end']:.0f}, network {times['network']:.0f}"
    windows = f", {len(prediction.windows)} windows" if len(prediction.windows) > 1 else ""
    lines = ["", f"{printable(name)}: {label_of(prediction, least)}  ({times['total']:.0f} ms: {parts}{windows})"]
    few = FEW if top is None and len(prediction.labels) > MANY else top
    shown = [] if prediction.silent else list(prediction.by_label().items())[:few]
    width = max((len(label) for label, _ in shown), default=0)
    for label, probability in shown:
        bar = "#" * round(BAR * probability)
        lines.append(f"  {label:<{width}}  {probability:6.1%}  {bar}".rstrip())
    if shown and few != top:
        lines.append(f"  and {len(prediction.labels) - FEW} less probable ones: --top N shows more")
    return "\n".join(lines)


def top_line(request: FilesRequest, classifier: Classifier, path: Path) -> str:
    """Return what stands above the results: the model for a table, the columns for CSV, nothing for JSON."""
    if request.form == "table":
        return heading(classifier, str(path))
    return csv_header(classifier.labels) if request.form == "csv" else ""


def as_row(name: str, prediction: Prediction, least: float | None, width: int) -> str:
    """Return one line for a table of many files: name, label, probability, milliseconds."""
    label_width = max(map(len, (*prediction.labels, *State)))
    label = label_of(prediction, least)
    confidence = "" if prediction.silent else f"{prediction.confidence:.1%}"
    milliseconds = f"{prediction.timings_ms['total']:5.0f} ms"
    return f"{printable(name):<{width}}  {label:<{label_width}}  {confidence:>6}  {milliseconds}"


def name_width(request: FilesRequest, names: Sequence[str]) -> int | None:
    """Return how wide the names of many files are, where each has one line; None for tables of each file's classes."""
    return max(len(printable(name)) for name in names) if len(names) > 1 and request.top is None else None


def line(request: FilesRequest, name: str, prediction: Prediction, labels: Sequence[str], width: int | None) -> str:
    """Return a prediction in the form that the request names; `width` is that of `name_width`."""
    if request.form == "json":
        return as_json(name, prediction, request.min_confidence)
    if request.form == "csv":
        return as_csv(name, prediction, request.min_confidence, labels)
    if width is not None:
        return as_row(name, prediction, request.min_confidence, width)
    return as_table(name, prediction, request.min_confidence, request.top)


def heading(classifier: Classifier, path: str) -> str:
    """Return what stands above a table: which model, on what engine, how good it is."""
    card, engine = classifier.card, classifier.engine
    threads = f"{engine.threads} thread{'s' if engine.threads > 1 else ''}"
    level = "" if card.input_level == feature_level(card.front_end) else f" for a {card.input_level}"
    trained = f", trained on {card.dataset.name}" if card.dataset.name else ""
    lines = [f"{card.model}-{card.precision}{level} ({path}; {engine.name}, {threads}){trained}", _accuracy(card)]
    return "\n".join(lines + ([f"note: {card.dataset.notice}"] if card.dataset.synthetic else []))


def doubt(card: Card) -> str | None:
    """Return a warning where a model's accuracy may be chance: its interval reaches down to one in all classes."""
    if card.accuracy is None or card.accuracy.wilson95[0] > 1 / len(card.labels):
        return None
    return (
        f"its {card.accuracy.part} accuracy, {card.accuracy.accuracy:.3f} of {card.accuracy.n}, may be chance "
        f"(1 in {len(card.labels)} classes): train it longer or on more files"
    )


def _accuracy(card: Card) -> str:
    """Return how good a model is, and on what."""
    accuracy = card.accuracy
    metrics = "".join(f", {name} {value:.3f}" for name, value in card.metrics.items())
    if accuracy is None:
        return f"accuracy unknown{metrics}"
    low, high = accuracy.wilson95
    return (
        f"{accuracy.part} accuracy {accuracy.accuracy:.3f} [{low:.3f}, {high:.3f}]{metrics}, n = {accuracy.n}, "
        f"split {card.split.name}"
    )
