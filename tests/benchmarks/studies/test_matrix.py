"""Every format in one table: files of one kind share a line, whichever split they were trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cli import entry
from benchmarks.measure.accuracy import Accuracy
from benchmarks.measure.row import Row
from benchmarks.studies.matrix import lines, table
from tests.cards import MODEL, example_card
from tests.run_maker import made_artifacts, shared_folder
from toolkit.artifact.card import Card
from toolkit.artifact.file import append_card
from toolkit.errors import UsageError
from toolkit.measure.latency import Ratio


def measured(path: Path, quantization: str, judged: str, correct: int, ratio: float) -> tuple[Card, Row]:
    card = example_card(quantization=quantization)
    path.write_bytes(append_card(MODEL, card))
    accuracy = Accuracy(100, correct, correct / 100, (0.1, 0.9))
    times = Ratio(ratio, ratio - 0.1, ratio + 0.1)
    return card, Row(str(path), 2_000_000, judged_on=judged, accuracy=accuracy, network_ratio=times)


def test_files_of_one_kind_share_a_line(tmp_path: Path) -> None:
    rows = [
        measured(tmp_path / "a.tflite", "none", "paper/validation", 60, 1.0),
        measured(tmp_path / "b.tflite", "int8", "paper/validation", 59, 1.6),
        measured(tmp_path / "c.tflite", "none", "fault-filtered/test", 45, 7.0),
    ]
    merged = lines(rows)
    assert [line.precision for line in merged] == ["float32", "int8"]
    headers, cells = table(merged)
    assert headers[4:6] == ("paper/validation [95 %]", "fault-filtered/test [95 %]")
    assert cells[0][4:6] == ("0.600 [0.100, 0.900] (n = 100)", "0.450 [0.100, 0.900] (n = 100)")
    assert cells[1][5] == "-" and cells[1][8] == "1.60 [1.50, 1.70]"
    assert cells[0][8] == "1.00 [0.90, 1.10]", "times are the first split's"


def test_what_went_wrong_with_any_of_them_is_reported(tmp_path: Path) -> None:
    first = measured(tmp_path / "a.tflite", "none", "paper/validation", 60, 1.0)
    card, row = measured(tmp_path / "b.tflite", "none", "fault-filtered/test", 50, 1.0)
    (line,) = lines([first, (card, replace(row, status="its card says 49/100"))])
    assert line.status == "its card says 49/100"


def test_two_runs_of_one_split_are_misuse(tmp_path: Path) -> None:
    rows = [measured(tmp_path / f"{name}.tflite", "none", "paper/validation", 60, 1.0) for name in ("a", "b")]
    with pytest.raises(UsageError, match="b.tflite: a second float32 tflite file of gtzanet .* on paper/validation"):
        lines(rows)


@pytest.mark.slow
def test_the_command(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    folder = made_artifacts(base, "gtzanet")
    files = [str(folder / f"gtzanet-{name}.tflite") for name in ("float32", "mixed")]
    output = tmp_path / "matrix.json"
    short = ["--min-duration", "0", "--min-count", "3", "--threads", "1", "--json", str(output)]
    assert entry(["matrix", *files, "--data", str(shared_folder(base) / "made-pictures"), *short]) == 0
    written = json.loads(output.read_text())["lines"]
    assert [line["precision"] for line in written] == ["float32", "mixed"]
    assert written[0]["ratio"]["median"] == 1
    assert all(line["accuracies"]["stratified/validation"]["n"] == 8 for line in written)


def test_no_file_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["matrix", str(tmp_path / "gone.tflite"), "--data", str(tmp_path)]) == 2
    assert "no such file" in capsys.readouterr().err
