"""Where the time goes inside a model: every part has its own time, whatever came before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.cli import entry
from benchmarks.profile import onnx as onnx_profile
from benchmarks.profile import tflite as tflite_profile
from benchmarks.profile.layers import Segment
from benchmarks.studies.operators import cells, profile, remarks
from tests.cards import MODEL, example_card
from tests.run_maker import made_artifacts
from toolkit.artifact.file import append_card
from toolkit.measure.latency import TimingPlan

SOUND = np.random.default_rng(1).uniform(-1, 1, 661_500).astype(np.float32)
WHOLE = append_card(MODEL, example_card())
NAMES = ["conv0", "conv1", "conv2", "conv3", "conv4", "last"]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every file of a made GTZANet."""
    return made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "weights"),
    [("float32", "float32"), ("float16", "float16"), ("int8", "int8"), ("dynamic", "int8")],
)
def test_the_parts_of_a_tflite_model(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch, precision: str, weights: str
) -> None:
    """The piece that ends with part k lasts (k + 1)^2 ms, on a machine that gets slower by the round."""

    def clocked(tasks: Mapping[str, Any], plan: TimingPlan) -> dict[str, Any]:
        assert plan.min_seconds == pytest.approx(3 / len(tasks))
        for task in tasks.values():
            task(0)
        ends = {name: (place + 1) ** 2 / 1000 for place, name in enumerate(tasks)}
        return {name: tuple((end * speed,) for speed in (0.9, 1, 1.1)) for name, end in ends.items()}

    monkeypatch.setattr(tflite_profile, "measure", clocked)
    parts = profile(artifacts / f"gtzanet-{precision}.tflite", SOUND, 1, TimingPlan(), 3.0)
    assert [part.name for part in parts] == NAMES
    assert [part.milliseconds for part in parts] == pytest.approx([1, 3, 5, 7, 9, 11])
    assert {part.weights for part in parts[2:]} == {weights}, "TensorFlow leaves the smallest kernels alone"
    assert [part.operators[0] for part in parts] == ["CONV_2D"] * 5 + ["FULLY_CONNECTED"]
    assert parts[-1].operators[-1] == "SOFTMAX" and "MAX_POOL_2D" in parts[0].operators


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "int8", "mixed"])
def test_the_parts_of_an_onnx_model(artifacts: Path, precision: str) -> None:
    parts = profile(artifacts / f"gtzanet-{precision}.onnx", SOUND, 1, TimingPlan(0, 3, 1, 0, 1))
    assert len(parts) == len(NAMES)
    assert all(part.milliseconds > 0 for part in parts)
    integers = {"float32": 0, "int8": 6, "mixed": 3}[precision]
    assert sum(part.weights == "8-bit" for part in parts) == integers


def test_a_profile_is_the_median_run_of_every_node() -> None:
    def event(name: str, kind: str, micros: float) -> dict[str, Any]:
        return {"cat": "Node", "name": f"{name}_kernel_time", "dur": micros, "args": {"op_name": kind}}

    def run(slower: float) -> list[dict[str, Any]]:
        return [
            event("scale", "Mul", 100 * slower),
            event("first", "Conv", 2000 * slower),
            event("pool", "MaxPool", 500 * slower),
            event("second", "QLinearConv", 1000 * slower),
            {"cat": "Session", "name": "model_run", "dur": 9e9},
        ]

    events = [*run(50), *run(20), *run(1), *run(1), *run(3)]
    first, second = onnx_profile.parts_of(events)
    assert first == Segment("first", ("Mul", "Conv", "MaxPool"), "float32", pytest.approx(2.6))  # type: ignore[arg-type]
    assert second == Segment("second", ("QLinearConv",), "8-bit", 1.0)


def test_an_integer_models_float_nodes_are_seen() -> None:
    def event(name: str, kind: str, taken: str) -> dict[str, Any]:
        shapes = {"op_name": kind, "input_type_shape": [{taken: [1, 2]}, {"float": [1]}]}
        return {"cat": "Node", "name": f"{name}_kernel_time", "dur": 1000, "args": shapes}

    first, second = onnx_profile.parts_of(
        [
            event("scale", "Mul", "float"),
            event("in", "QuantizeLinear", "float"),
            event("first", "QLinearConv", "uint8"),
            event("out", "DequantizeLinear", "uint8"),
            event("island", "Conv", "float"),
            event("soft", "Softmax", "float"),
        ]
    )
    assert (first.in_float, first.integers, first.weights) == (("Mul",), True, "8-bit")
    assert (second.in_float, second.integers, second.weights) == (("Conv", "Softmax"), False, "float32")
    (dynamic,) = onnx_profile.parts_of([event("a", "ConvInteger", "uint8"), event("b", "Mul", "float")])
    assert (dynamic.in_float, dynamic.integers) == (("Mul",), False), "its float32 is no island: all is float32 between"


def test_the_rows_end_with_their_sum() -> None:
    rows = cells(Path("a/b.tflite"), [Segment("x", ("CONV_2D",), "int8", 3.0), Segment("y", ("SOFTMAX",), "", 1.0)])
    assert rows[0] == ("b.tflite", "x", "CONV_2D", "int8", "-", "-", "3.00", "75%")
    assert rows[-1] == ("b.tflite", "all", "", "", "", "", "4.00", "100%")


def test_float_islands_and_what_the_delegate_left_are_named() -> None:
    whole = Segment("a", ("CONV_2D",), "int8", 1.0, integers=True)
    island = Segment("b", ("CONV_2D", "SOFTMAX"), "float32", 1.0, ("CONV_2D", "SOFTMAX"), ("SOFTMAX",))
    dynamic = replace(whole, integers=False)
    path = Path("x/m.tflite")
    assert remarks(path, [whole]) == remarks(path, [dynamic]) == []
    assert remarks(path, [whole, island]) == [
        "Float islands in m.tflite, whose other operators use integers: b (CONV_2D SOFTMAX).",
        "Operators of m.tflite that the delegate did not accept: b (SOFTMAX).",
    ]
    assert len(remarks(path, [dynamic, replace(island, outside=())])) == 0
    none = replace(whole, outside=("CONV_2D",))
    assert remarks(path, [none, none]) == ["The delegate accepted no operator of m.tflite."]


@pytest.mark.slow
def test_what_xnnpack_accepts_of_real_files(artifacts: Path) -> None:
    """It has no kernels for 16-bit activations, and none for an int8 softmax."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    plan = TimingPlan(0, 1, 0, 0, 1)
    parts = {
        name: profile(artifacts / f"gtzanet-{name}.tflite", SOUND, 1, plan) for name in ("float32", "int8", "int16x8")
    }
    assert not any(part.outside or part.in_float for part in parts["float32"])
    assert [part.outside for part in parts["int8"]] == [()] * 5 + [("SOFTMAX",)]
    assert all(part.integers and not part.in_float for part in parts["int8"])
    assert remarks(Path("a"), parts["int16x8"]) == ["The delegate accepted no operator of a."]


@pytest.mark.slow
def test_the_command(artifacts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(artifacts / name) for name in ("gtzanet-float32.tflite", "gtzanet-dynamic.onnx")]
    output = tmp_path / "parts.json"
    short = ["--min-duration", "0", "--min-count", "3", "--json", str(output)]
    assert entry(["operators", *files, *short]) == 0
    assert "FULLY_CONNECTED SOFTMAX" in capsys.readouterr().out
    models = json.loads(output.read_text())["models"]
    assert [part["name"] for part in models[files[0]]] == NAMES
    assert len(models[files[1]]) == 6


@pytest.mark.parametrize(
    ("name", "content", "code", "why"),
    [
        ("gone.tflite", None, 1, "No such file"),
        ("bad.onnx", b"nothing", 1, "neither a TFLite nor an ONNX model"),
        ("damaged.tflite", WHOLE[:60] + b"?" + WHOLE[61:], 1, "damaged"),
        ("odd.tflite", WHOLE, 1, "cannot be run layer by layer"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, code: int, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert entry(["operators", str(tmp_path / name)]) == code
    error = capsys.readouterr().err
    assert name in error and why in error


def test_a_dataset_that_is_not_there_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["operators", "any.tflite", "--data", str(tmp_path / "typo")]) == 2
    assert f"--data {tmp_path / 'typo'}: no such folder" in capsys.readouterr().err
