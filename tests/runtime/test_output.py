"""Predictions as text: what a request says holds in every form."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from runtime import output
from runtime.classify import FilesRequest
from runtime.prediction import FEW, Prediction, Window
from runtime.sources import Raw
from tests.cards import example_card
from toolkit.artifact.card_sections import AccuracyCard, TensorCard

LABELS = ("blues", "jazz", "rock")
TIMES = {"read": 1.0, "resample": 2.0, "front_end": 10.0, "network": 4.0, "post": 0.5, "total": 17.5}
PREDICTION = Prediction(
    labels=("rock", "blues", "jazz"),
    probabilities=(0.5, 0.3, 0.2),
    windows=(Window(0, 30, (0.4, 0.4, 0.2)), Window(30, 60, (0.6, 0.2, 0.2))),
    timings_ms=TIMES,
    model="tiny-int8",
    warnings=("one", "two"),
)


def request(form: str, least: float = 0.0, top: int | None = None) -> FilesRequest:
    return FilesRequest(("a.wav",), Raw(), form, top, least, -60.0, False)


def label_in(form: str, least: float, many: bool) -> str:
    """Return the label that a form shows of `PREDICTION`."""
    text = output.line(request(form, least), "a.wav", PREDICTION, LABELS, 8 if many else None)
    if form == "json":
        return str(json.loads(text)["label"])
    if form == "csv":
        return next(csv.DictReader(io.StringIO(f"{output.csv_header(LABELS)}\r\n{text}")))["label"]
    return text.split()[1]


@pytest.mark.parametrize(("form", "many"), [("json", False), ("csv", False), ("table", False), ("table", True)])
def test_the_least_confidence_holds_in_every_form(form: str, many: bool) -> None:
    assert [label_in(form, least, many) for least in (0.0, 0.5, 0.51)] == ["rock", "rock", "unknown"]


def test_csv_has_every_figure_in_its_column() -> None:
    text = f"{output.csv_header(LABELS)}\r\n{output.as_csv('a.wav', PREDICTION, 0.6, LABELS)}"
    assert next(csv.DictReader(io.StringIO(text))) == {
        "file": "a.wav",
        "label": "unknown",
        "confidence": "0.500000",
        "blues": "0.300000",
        "jazz": "0.200000",
        "rock": "0.500000",
        "total_ms": "17.5",
        "model": "tiny-int8",
        "state": "unknown",
        "warnings": "one; two",
    }


def test_the_table_of_one_file() -> None:
    blank, *lines = output.as_table("a\n.wav", PREDICTION, 0.0, 2).splitlines()
    assert blank == "" and lines == [
        "a\\n.wav: rock  (18 ms: read 3, picture 10, network 4, 2 windows)",
        "  rock    50.0%  " + "#" * 12,
        "  blues   30.0%  " + "#" * 7,
    ]


def test_a_line_of_many_files() -> None:
    assert output.as_row("a.wav", PREDICTION, 0.0, 8) == "a.wav     rock      50.0%     18 ms"


def test_json_has_the_probabilities_of_every_window() -> None:
    value = json.loads(output.as_json("a.wav", PREDICTION, 0.0))
    assert value["probabilities"] == {"rock": 0.5, "blues": 0.3, "jazz": 0.2} and value["confidence"] == 0.5
    assert [window["probabilities"]["blues"] for window in value["windows"]] == [0.4, 0.2]
    assert [(window["start"], window["end"]) for window in value["windows"]] == [(0, 30), (30, 60)]
    assert value["timings_ms"] == TIMES and value["model"] == "tiny-int8" and value["warnings"] == ["one", "two"]


def test_a_table_of_many_classes_is_short() -> None:
    labels = tuple(f"class {number}" for number in range(30))
    prediction = PREDICTION._replace(labels=labels, probabilities=(1 / 30,) * 30)
    lines = output.as_table("a.wav", prediction, 0.0, None).splitlines()
    assert len(lines) == 2 + FEW + 1 and lines[-1] == "  and 20 less probable ones: --top N shows more"
    assert len(output.as_table("a.wav", prediction, 0.0, 12).splitlines()) == 2 + 12


def test_an_accuracy_that_may_be_chance_is_doubted() -> None:
    def doubt(accuracy: AccuracyCard | None) -> str | None:
        return output.doubt(replace(example_card(labels=("a", "b", "c", "d")), accuracy=accuracy, parity=None))

    assert doubt(None) is None
    assert doubt(AccuracyCard("validation", 10, 5, 0.5, (0.26, 0.7))) is None
    sentence = doubt(AccuracyCard("validation", 10, 4, 0.4, (0.25, 0.7)))
    assert sentence is not None and "validation accuracy, 0.400 of 10, may be chance (1 in 4 classes)" in sentence


def test_the_heading_says_that_a_model_accepts_samples() -> None:
    waveform = replace(
        example_card(), input_level="waveform", input=TensorCard("float32", (1, 661_504), "", None, None)
    )
    engine = SimpleNamespace(name="litert", threads=1)
    heading = output.heading(SimpleNamespace(card=waveform, engine=engine), "m.tflite")  # type: ignore[arg-type]
    assert heading.startswith("gtzanet-float32 for a waveform (m.tflite; litert, 1 thread), trained on made up\n")
