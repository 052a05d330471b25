"""The page of a result: whole, needing nothing beside it, and true to the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.measure.accuracy import Accuracy, Paired, detail
from benchmarks.measure.fresh_process import FreshProcess
from benchmarks.measure.row import Row
from benchmarks.report.page import page
from tests.cards import example_card
from tests.toolkit.page.reader import Reader
from toolkit.measure.latency import Ratio, summarise

LABELS = ("high & low", "<b>")
ROUNDS = (tuple(number / 1000 for number in range(5, 25)),) * 8


def result(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the JSON value of a result."""
    return {
        "title": "Benchmarks",
        "command": "python -m benchmarks '<x>'",
        "machine": {"processor": 'A "fast" one', "cores": "2"},
        "conditions": {"doubts": ["other programs used 30% of the processors meanwhile"]},
        "notes": ["One query at a time."],
        "rows": [asdict(row) for row in rows],
        "front": ["b/model.tflite"],
        "advice": {"name": "b/model.tflite", "reason": "the only file"},
        "warnings": ["NOISY: medians may be off by up to 9%"],
    }


def measured(file: str) -> Row:
    """Return the row of a file that everything is known of."""
    card = example_card(labels=LABELS)
    scores, truth = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32), np.array([0, 1, 1])
    return Row(
        file=file,
        size_bytes=194_000,
        accuracy=Accuracy(3, 2, 2 / 3, (0.21, 0.94)),
        detail=detail(scores, truth, card),
        against_float32=Paired(1, 0, 1, 1.0),
        network=summarise(ROUNDS),
        network_ratio=Ratio(0.65, 0.6, 0.7),
        file_to_label=summarise(ROUNDS),
        stages={"network": 2.0, "post": 0.0, "read": 1.0, "resample": 0.5, "front_end": 0.5, "total": 4.0},
        fresh=FreshProcess(80_000_000, 0.3, 0.2, 0.05),
    )


def test_a_page_is_whole_and_names_nothing_outside_of_it() -> None:
    text = page(result([measured("a/model.tflite"), measured("b/model.tflite"), Row("<i>.onnx", 0, status="a & b")]))
    reader = Reader(text)
    assert not {name for name, _ in reader.attributes} & {"src", "href", "srcset", "data", "action"}
    assert "http" not in text and "url(" not in text and "@import" not in text
    assert "<i>" not in text and "<b>" not in text and "&lt;i&gt;.onnx" in text
    assert "To ship: <strong>b/model.tflite</strong>: the only file." in text
    assert "Doubtful: other programs" in text
    for figure in ("0.667 [0.210, 0.940]", "0.19", "0.65 [0.60, 0.70]", "80", "0.30", "1.00", "14.0"):
        assert figure in reader.cells or any(cell.startswith(figure) for cell in reader.cells)


def test_what_another_file_beats_is_grey_and_two_of_one_name_keep_their_folders() -> None:
    text = page(result([measured("a/model.tflite"), measured("b/model.tflite")]))
    assert text.count('<tr class="dim">') == 1
    assert text.index('<tr class="dim"><td data-v="a/model.tflite">') < text.index('<td data-v="b/model.tflite">')


def test_without_accuracy_there_is_still_a_page() -> None:
    bare = replace(measured("a.tflite"), accuracy=None, detail=None, against_float32=None)
    value = result([bare]) | {"front": [], "advice": {"name": None, "reason": "no file was measured whole"}}
    text = page(value)
    Reader(text)
    assert (
        "To ship" not in text
        and "<details>" not in text
        and 'aria-label="accuracy' not in text
        and 'aria-label="times of the stages"' in text
    )
