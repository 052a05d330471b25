"""What exports cost: every file a format offers has a row, and a failed export says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.cli import entry
from benchmarks.studies import export_cost
from benchmarks.studies.export_cost import ExportCost, cells
from tests.run_maker import made_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run of a small dataset."""
    return made_run(tmp_path_factory.getbasetemp(), "gtzanet")


def test_a_row_has_every_cost() -> None:
    assert cells(ExportCost("a.tflite", 12.4, 734_000_000, 190_000, "ok")) == ("a.tflite", "12", "734", "0.19", "ok")
    assert cells(ExportCost("a.tflite", 1.0, None, 0, "refused")) == ("a.tflite", "1", "-", "-", "refused")


@pytest.mark.slow
def test_every_onnx_file_has_its_row(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_cost, "QUANTIZATIONS", ("none", "dynamic", "int16x8"))
    output = tmp_path / "costs.json"
    assert entry(["export", str(run), "--format", "onnx", "--json", str(output)]) == 0
    costs = json.loads(output.read_text())["exports"]
    names = [(cost["file"], cost["status"]) for cost in costs]
    assert names == [("gtzanet-float32.onnx", "ok"), ("gtzanet-dynamic.onnx", "ok")], "int16x8 is not offered for ONNX"
    assert costs[0]["size_bytes"] > 3 * costs[1]["size_bytes"] > 0
    for cost in costs:
        assert cost["seconds"] > 1 and cost["peak_bytes"] > 100e6


@pytest.mark.slow
def test_a_failed_export_has_its_reason(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_cost, "QUANTIZATIONS", ("none",))
    output = tmp_path / "costs.json"
    assert entry(["export", str(run), "--format", "onnx", "--data", str(tmp_path), "--json", str(output)]) == 1
    costs = json.loads(output.read_text())["exports"]
    assert all(cost["size_bytes"] == 0 and str(tmp_path) in cost["status"] for cost in costs)


def test_no_run_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["export", str(tmp_path / "gone")]) == 2
    assert "no such run folder" in capsys.readouterr().err
