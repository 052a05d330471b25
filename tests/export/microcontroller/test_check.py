"""What the lists say of models that fit and models that do not, and what TensorFlow Lite Micro does with them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.microcontroller.check import EDGE_TPU, MICRO, TARGETS, judged, operator_list
from export.microcontroller.operators import Operator, Tensor, least_arena, read_operators
from runtime import Classifier
from toolkit.artifact.file import read_model
from toolkit.errors import ArtifactError

NAME = "depthwise_separable"
FITS = ("float32", "int8", "int16x8")
"""Precisions that TensorFlow Lite Micro runs."""
UNFIT = {
    "float16": "DEQUANTIZE (version 3, float32, constants float16): its kernel takes int8, int16, uint8, not float16",
    "dynamic": "there is no kernel for float32 values with int8 weights",
    "mixed": "there is no kernel for float32 values with int8 weights",
}
"""Those of GTZANet that it does not take, and why. A smaller network's weights may stay float32 in such files."""
ARENA = 40_000_000


def content_of(path: Path) -> bytes:
    model = read_model(path)
    return model.content[: model.start]


def graphs(path: Path) -> list[list[Operator]]:
    return read_operators(path, content_of(path))


def micro_interpreter(content: bytes, arena: int = ARENA) -> Any:
    """Return TensorFlow Lite Micro's interpreter with a model; raise `RuntimeError` where it does not take that."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("tflite-micro is not installed")
        pytest.skip("tflite-micro is not installed")
    return runtime.Interpreter.from_bytes(content, arena_size=arena)


@pytest.mark.slow
@pytest.mark.parametrize("precision", FITS)
def test_models_that_fit_run_there_and_say_the_same(precision: str, files: Path) -> None:
    path = files / f"{NAME}-{precision}.tflite"
    assert judged(MICRO, graphs(path)).refused == ()
    engine = Classifier.load(path).engine
    interpreter = micro_interpreter(content_of(path))
    value = np.random.default_rng(0).uniform(-1, 1, engine.card.input.shape).astype(np.float32)
    tensor, expected = engine.card.input, engine.run(value)
    if tensor.scale is not None:
        assert tensor.zero_point is not None
        stored = np.clip(np.round(value / tensor.scale) + tensor.zero_point, -128, 127).astype(np.int8)
        interpreter.set_input(stored, 0)
    else:
        interpreter.set_input(value, 0)
    interpreter.invoke()
    output, card = interpreter.get_output(0), engine.card.output
    if card.scale is not None:
        assert card.zero_point is not None
        output = card.scale * (output.astype(np.float32) - card.zero_point)
    np.testing.assert_allclose(output, expected, rtol=0, atol=0.02 if precision != "float32" else 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("precision", UNFIT)
def test_models_that_do_not_fit_are_refused_there(precision: str, artifacts: Path) -> None:
    path = artifacts / f"gtzanet-{precision}.tflite"
    refused = judged(MICRO, graphs(path)).refused
    assert any(UNFIT[precision] in f"{finding.operator}: {finding.reason}" for finding in refused)
    with pytest.raises(RuntimeError):
        micro_interpreter(content_of(path))


@pytest.mark.slow
def test_a_front_end_inside_does_not_fit(files: Path) -> None:
    path = files / f"{NAME}-waveform-float32.tflite"
    kinds = [finding.operator.split()[0] for finding in judged(MICRO, graphs(path)).refused]
    assert kinds == ["RFFT2D", "IMAG", "REAL"]
    with pytest.raises(RuntimeError):
        micro_interpreter(content_of(path))


@pytest.mark.slow
@pytest.mark.parametrize("precision", FITS)
def test_an_arena_is_larger_than_what_is_needed_at_the_same_time(precision: str, files: Path) -> None:
    path = files / f"{NAME}-{precision}.tflite"
    [operators] = graphs(path)
    least = least_arena(operators)
    micro_interpreter(content_of(path), arena=2 * least + 50_000)
    with pytest.raises(RuntimeError):
        micro_interpreter(content_of(path), arena=least - 1)


@pytest.mark.slow
def test_the_edge_tpu_takes_int8_alone(files: Path) -> None:
    verdict = judged(EDGE_TPU, graphs(files / f"{NAME}-int8.tflite"))
    assert verdict.refused == () and verdict.before == verdict.operators > 5
    for precision in ("float32", "dynamic", "float16", "int16x8"):
        verdict = judged(EDGE_TPU, graphs(files / f"{NAME}-{precision}.tflite"))
        assert verdict.before == 0
        assert any(finding.operator.startswith("CONV_2D") for finding in verdict.refused)


@pytest.mark.slow
def test_the_verb_reports_and_its_exit_code_says_whether_all_fits(
    files: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fits, bare = files / f"{NAME}-int8.tflite", tmp_path / "bare.tflite"
    bare.write_bytes(content_of(fits))
    for path in (fits, bare):
        assert entry(["check-micro", str(path)]) == 0
        printed = capsys.readouterr().out
        assert f"{len(content_of(fits)):,} bytes" in printed
        assert "tflite-micro: takes all" in printed and "edge-tpu: takes all" in printed
    unfit = files / f"{NAME}-float32.tflite"
    assert entry(["check-micro", str(unfit), "--target", "tflite-micro"]) == 0
    assert entry(["check-micro", str(unfit)]) == 1
    assert "  no: 2 x CONV_2D (version 1, float32, constants float32): it works on float32" in capsys.readouterr().out
    assert entry(["check-micro", str(tmp_path / "none.tflite")]) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.slow
def test_broken_files_are_refused(files: Path, tmp_path: Path) -> None:
    content = content_of(files / f"{NAME}-int8.tflite")
    for size in (8, 100, len(content) // 2):
        with pytest.raises(ArtifactError, match="broken.tflite"):
            read_operators(tmp_path / "broken.tflite", content[:size])
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), 8):
            damaged[place] = rng.integers(0, 256)
        try:
            read_operators(tmp_path / "broken.tflite", bytes(damaged))
        except ArtifactError:
            continue


def operator(kind: str, *shapes: tuple[int, ...], dtype: str = "int8", **options: Any) -> Operator:
    tensors = [Tensor(number, dtype, shape, False) for number, shape in enumerate(shapes)]
    return Operator(kind, 1, tuple(tensors[:-1]), tuple(tensors[-1:]), options)


EDGE_CASES = {
    "a pool with a fused activation": (
        operator("MAX_POOL_2D", (1, 4, 4, 2), (1, 2, 2, 2), fusedActivationFunction=1),
        1,
    ),
    "a pool": (operator("MAX_POOL_2D", (1, 4, 4, 2), (1, 2, 2, 2), fusedActivationFunction=0), 0),
    "unequal dilation": (operator("CONV_2D", (1, 4, 4, 2), (1, 4, 4, 2), dilationWFactor=2, dilationHFactor=1), 1),
    "equal dilation": (operator("CONV_2D", (1, 4, 4, 2), (1, 4, 4, 2), dilationWFactor=2, dilationHFactor=2), 0),
    "a softmax of two dimensions": (operator("SOFTMAX", (2, 10), (2, 10)), 1),
    "a softmax that is too long": (operator("SOFTMAX", (1, 16_001), (1, 16_001)), 1),
    "a softmax": (operator("SOFTMAX", (1, 16_000), (1, 16_000)), 0),
    "16-bit integers": (operator("ADD", (1, 4), (1, 4), (1, 4), dtype="int16"), 1),
    "unsigned bytes": (operator("ADD", (1, 4), (1, 4), (1, 4), dtype="uint8"), 0),
    "not listed": (operator("HARD_SWISH", (1, 4), (1, 4)), 1),
    "custom": (replace(operator("ADD", (1, 4), (1, 4)), custom=True), 1),
}


@pytest.mark.parametrize("case", EDGE_CASES)
def test_limits_of_the_edge_tpu_that_a_file_shows(case: str) -> None:
    value, refused = EDGE_CASES[case]
    assert len(judged(EDGE_TPU, [[value]]).refused) == refused


def test_equal_operators_are_counted_and_the_first_refused_is_known() -> None:
    good, bad = operator("ADD", (1, 4), (1, 4)), operator("RFFT2D", (1, 4), (1, 4))
    verdict = judged(MICRO, [[good, good, bad], [good, bad]])
    assert (verdict.operators, verdict.before) == (5, 2)
    [finding] = verdict.refused
    assert (finding.count, finding.reason) == (2, "there is no kernel for it")


def test_what_is_needed_at_the_same_time() -> None:
    """Three tensors of 10, 20 and 5 bytes: an operator's input and output are alive together."""
    first, second, third = (
        Tensor(0, "int8", (10,), False),
        Tensor(1, "int8", (5, 4), False),
        Tensor(2, "int8", (5,), False),
    )
    weights = Tensor(3, "float32", (1_000,), True)
    chain = [Operator("A", 1, (first, weights), (second,), {}), Operator("B", 1, (second,), (third,), {})]
    assert least_arena(chain) == 30
    assert least_arena([*chain, Operator("C", 1, (first, third), (replace(third, number=4),), {})]) == 35


@pytest.mark.parametrize("target", TARGETS)
def test_lists_name_their_source_and_operators_of_the_schema(target: str) -> None:
    from ai_edge_litert import schema_py_generated as schema

    listed = operator_list(target)
    assert listed["source"].startswith("https://") and len(listed["date"]) == 10
    assert len(listed["operators"]) >= 38
    assert set(listed["operators"]) <= set(vars(schema.BuiltinOperator))
