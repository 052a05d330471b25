"""Golden samples: every honest file passes in every engine, and a file that computes something else never does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.tflite_tree import packed, unpacked
from export.variants import PRECISIONS, Variant
from runtime.cli import entry
from runtime.engines.base import Tensor
from runtime.engines.load import open_engine
from runtime.engines.registry import NO_DYNAMIC, installed
from runtime.golden import golden_distance, golden_samples, tolerance
from tests.run_maker import made_artifacts
from toolkit.artifact.file import TFLITE, append_card, model_digest, read_card, read_model

Fault = Callable[[NDArray[Any]], None]
"""Changes weights (output channels first) in place."""
VARIANTS = [
    pytest.param(Variant(format, precision), id=f"{format}-{precision}")
    for format, precisions in PRECISIONS.items()
    for precision in precisions
]
TYPES = {0: np.float32, 1: np.float16, 9: np.int8}
"""TensorFlow Lite's numbers of the types that weights have."""
ONNX_TYPES = (1, 2, 3, 10)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet")


def file_of(files: Path, variant: Variant) -> Path:
    return files / variant.file_name("gtzanet")


def one_kernel_stronger(weights: NDArray[Any]) -> None:
    """Make the strongest kernel 5 % stronger; the steps of int8 weights are a per cent."""
    kernels = weights.reshape(len(weights), -1).astype(np.float64) - (128 if weights.dtype == np.uint8 else 0)
    strongest = int(np.abs(kernels).sum(axis=1).argmax())
    changed = kernels[strongest] * 1.05 + (128 if weights.dtype == np.uint8 else 0)
    if weights.dtype.kind in "iu":
        changed = np.clip(np.rint(changed), np.iinfo(weights.dtype).min, np.iinfo(weights.dtype).max)
    weights[strongest] = changed.reshape(weights.shape[1:])


def channels_swapped(weights: NDArray[Any]) -> None:
    weights[[1, 2]] = weights[[2, 1]]


def rounded_up(weights: NDArray[Any]) -> None:
    """Add a step to the int8 weights of a label (of all labels, the softmax would not show it)."""
    if weights.dtype.kind in "iu":
        weights[0] = np.minimum(weights[0], np.iinfo(weights.dtype).max - 1) + 1


def damaged(path: Path, fault: Fault, output: Path) -> Path:
    """Write a model file whose last layer's weights have a fault, with a card that is right about its bytes."""
    model = read_model(path)
    change = damaged_tflite if model.format == TFLITE else damaged_onnx
    content = change(model.content[: model.start], fault)
    output.write_bytes(append_card(content, replace(model.card, model_digest=model_digest(content))))
    return output


def damaged_tflite(content: bytes, fault: Fault) -> bytes:
    tree = unpacked(content)
    tensor = next(
        tensor
        for tensor in tree.subgraphs[0].tensors
        if tensor.type in TYPES and len(tensor.shape) == 2 and tree.buffers[tensor.buffer].data is not None
    )
    buffer = tree.buffers[tensor.buffer]
    weights = np.frombuffer(bytes(buffer.data), TYPES[tensor.type]).reshape(tensor.shape).copy()
    fault(weights)
    buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
    return packed(tree)


def damaged_onnx(content: bytes, fault: Fault) -> bytes:
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(content)
    tensor = next(item for item in model.graph.initializer if len(item.dims) == 2 and item.data_type in ONNX_TYPES)
    weights = numpy_helper.to_array(tensor).copy()
    fault(weights.T)  # input channels first
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_engine_returns_the_golden_outputs(files: Path, variant: Variant) -> None:
    path = file_of(files, variant)
    golden = read_card(path).golden
    assert golden is not None and len(golden.samples) == 4
    assert [sample.seed % 4 for sample in golden.samples] == [0, 1, 2, 3]
    for name in installed(variant.format):
        if name in NO_DYNAMIC and variant.precision in ("dynamic", "mixed"):
            continue
        for threads in (1, 2, 4):
            engine = open_engine(path, engine=name, threads=threads)
            assert golden_distance(engine, golden) < tolerance(engine.card) / 2
    assert golden_samples(open_engine(path, threads=2)) == golden


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("fault", [one_kernel_stronger, channels_swapped, rounded_up])
def test_wrong_weights_are_noticed(files: Path, tmp_path: Path, variant: Variant, fault: Fault) -> None:
    path = file_of(files, variant)
    if fault is rounded_up and variant.precision in ("float32", "float16"):
        pytest.skip("its weights are not whole numbers")
    engine = open_engine(damaged(path, fault, tmp_path / path.name))
    assert engine.card.golden is not None
    assert golden_distance(engine, engine.card.golden) > tolerance(engine.card)


def test_an_input_that_is_rounded_otherwise_is_noticed(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_engine(file_of(files, Variant("tflite", "int8")))
    real = Tensor.stored
    monkeypatch.setattr(Tensor, "stored", lambda tensor, values: np.minimum(real(tensor, values), 126) + np.int8(1))
    assert engine.card.golden is not None
    assert golden_distance(engine, engine.card.golden) > tolerance(engine.card)


@pytest.mark.parametrize("name", ["gtzanet-float32.tflite", "gtzanet-int8.onnx"])
def test_the_doctor_refuses_a_file_that_computes_something_else(
    files: Path, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert entry(["doctor", str(files / name)]) == 0
    out = capfd.readouterr().out
    assert "returns its golden outputs (largest difference " in out and "MB of memory" in out
    broken = damaged(files / name, channels_swapped, tmp_path / name)
    assert entry(["doctor", str(broken)]) == 1
    (line,) = (line for line in capfd.readouterr().out.splitlines() if line.startswith("BAD"))
    assert "computes it wrongly here: its golden outputs are missed by " in line


def test_the_doctor_says_that_a_file_of_version_1_has_no_golden_samples(
    files: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = read_model(files / "gtzanet-int8.tflite")
    old = tmp_path / "old.tflite"
    old.write_bytes(append_card(model.content[: model.start], replace(model.card, format_version=1, golden=None)))
    assert entry(["doctor", str(old)]) == 0
    assert "note  it has no golden samples (a card of version 1 has none)" in capfd.readouterr().out
