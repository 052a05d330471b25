"""A fault that is planted in a conversion is noticed by the gates, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import converter, pipeline
from export.calibration import Calibration
from export.cli import entry
from export.onnx import quantize as onnx_quantize
from export.onnx.convert import to_onnx
from export.options import Report
from export.tflite import convert as tflite_convert
from export.trained_run import Source, open_source
from toolkit.artifact.card_sections import CalibrationCard
from toolkit.artifact.file import FORMATS
from toolkit.data.run_folder import Run

pytestmark = pytest.mark.slow

LAYERS = ("conv0", "conv1", "conv2", "conv3", "conv4", "last")
Change = Callable[[Any, Any, Any], None]
"""Changes a tensor and its buffer in a flatbuffer's tree: (tree, tensor, buffer)."""


def refused(arguments: list[str], capfd: pytest.CaptureFixture[str], output: Path) -> str:
    """Export, and return the sentence with which it is refused; nothing may be written."""
    assert entry([*arguments, "--no-speed", "--output", str(output)]) == 1
    error = capfd.readouterr().err.splitlines()[-1]
    assert not output.exists() or not list(output.iterdir())
    return error


def plant(monkeypatch: pytest.MonkeyPatch, precision: str, kernel: int, change: Change) -> None:
    """Change the `kernel`-th convolution or dense kernel of the TFLite model of a precision as it is converted."""
    real = tflite_convert.to_tflite

    def faulty(
        model: Any,
        converted_precision: str = "float32",
        calibration: Any = None,
        io: str = "int8",
        name: str = "picture",
    ) -> bytes:
        from tensorflow.lite.python import schema_py_generated as schema
        from tensorflow.lite.tools import flatbuffer_utils

        content = real(model, converted_precision, calibration, io, name)
        if converted_precision != precision:
            return content
        tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
        (graph,) = tree.subgraphs
        weighing = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED)
        kernels = [
            operator.inputs[1]
            for operator in graph.operators
            if tree.operatorCodes[operator.opcodeIndex].builtinCode in weighing
        ]
        tensor = graph.tensors[kernels[kernel]]
        change(tree, tensor, tree.buffers[tensor.buffer])
        return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))

    monkeypatch.setattr(tflite_convert, "to_tflite", faulty)


def flip_signs(tree: Any, tensor: Any, buffer: Any) -> None:
    """Flip one bit, a sign, in every output channel: an untrained network has channels that are never above zero."""
    values = np.frombuffer(np.asarray(buffer.data, np.uint8).tobytes(), np.float32).copy()
    channels = values.reshape(tensor.shape[0], -1)
    channels[np.arange(len(channels)), np.abs(channels).argmax(axis=1)] *= -1
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)


def flip_high_bits(tree: Any, tensor: Any, buffer: Any) -> None:
    """Flip the highest bit of an eighth of the int8 weights."""
    values = np.asarray(buffer.data, np.uint8).copy()
    values[::8] ^= 0x80
    buffer.data = values


def wrong_scale(tree: Any, tensor: Any, buffer: Any) -> None:
    """Read the weights as three times as large."""
    tensor.quantization.scale = np.asarray(tensor.quantization.scale, np.float32) * 3


@pytest.mark.parametrize("kernel", range(6))
def test_a_flipped_sign_in_any_layer(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kernel: int
) -> None:
    plant(monkeypatch, "float32", kernel, flip_signs)
    message = refused([str(run_folder)], capfd, tmp_path / "out")
    assert "refused: the float32 model is" in message
    assert message.endswith(f"its values go wrong in the layer {LAYERS[kernel]}")


@pytest.mark.parametrize("precision", ["int8", "dynamic"])
@pytest.mark.parametrize("change", [flip_high_bits, wrong_scale])
def test_damaged_integers(
    run_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    change: Change,
) -> None:
    plant(monkeypatch, precision, 2, change)
    arguments = [str(run_folder), "--quantize", precision, *(["--calibration", "16"] if precision == "int8" else [])]
    message = refused(arguments, capfd, tmp_path / "out")
    assert f"{precision} model" in message and message.endswith("its values go wrong in the layer conv2")


@pytest.mark.parametrize(("precision", "layer"), [("float32", 0), ("float32", 5), ("dynamic", 3), ("int8", 2)])
def test_a_fault_in_an_onnx_model(
    run_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    layer: int,
) -> None:
    """Weights of one layer have the wrong sign, after a right float32 file where another one is wrong."""
    real = onnx_quantize.quantise if precision != "float32" else None

    def faulty(model: bytes, *arguments: Any) -> bytes:
        import onnx

        tree = onnx.load_from_string(model)
        nodes = [node for node in tree.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
        (tensor,) = (tensor for tensor in tree.graph.initializer if tensor.name == nodes[layer].input[1])
        values = onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(-values, tensor.name))
        changed = tree.SerializeToString()
        return real(changed, *arguments) if real else changed

    if precision == "float32":
        monkeypatch.setattr(converter, "to_onnx", lambda *arguments: faulty(to_onnx(*arguments)))
    else:
        monkeypatch.setattr(onnx_quantize, "quantise", faulty)
    arguments = [str(run_folder), "--format", "onnx"]
    arguments += [] if precision == "float32" else ["--quantize", precision]
    message = refused(arguments, capfd, tmp_path / "out")
    assert f"{precision} model" in message and message.endswith(f"its values go wrong in the layer {LAYERS[layer]}")


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_calibration_on_what_is_no_picture(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    """Black pictures alone. (That of silence has the white margin and the frame of all others, and is enough.)"""

    def black(source: Source, count: int, report: Report) -> Calibration:
        return Calibration(np.zeros((4, 288, 432, 3), np.uint8), CalibrationCard(4, 0, "0" * 64))

    monkeypatch.setattr(pipeline, "calibration_of", black)
    arguments = [str(run_folder), "--format", format, "--quantize", "--calibration", "16"]
    assert "int8 model" in refused(arguments, capfd, tmp_path / "out")


def test_swapped_labels(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def swapped(run: Run, data: Path | None) -> Source:
        source = open_source(run, data)
        first, second, *others = source.classes
        return replace(source, classes=(second, first, *others))

    monkeypatch.setattr(pipeline, "open_source", swapped)
    assert "not the model that this run's metrics were measured on" in refused(
        [str(run_folder)], capfd, tmp_path / "out"
    )


@pytest.mark.parametrize("format", FORMATS)
def test_mixed_up_outputs(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    """The float32 file is right, the int8 one has its classes mixed up: neither is written."""
    real, real_onnx = tflite_convert.to_tflite, onnx_quantize.quantise

    def mixed_up(
        model: Any, precision: str = "float32", calibration: Any = None, io: str = "int8", name: str = "picture"
    ) -> bytes:
        if calibration is not None:
            kernel, bias = model.layers[-2].get_weights()
            model.layers[-2].set_weights([kernel[:, [1, 2, 3, 0]], bias[[1, 2, 3, 0]]])
        return real(model, precision, calibration, io, name)

    def mixed_up_onnx(model: bytes, *arguments: Any) -> bytes:
        import onnx

        tree = onnx.load_from_string(model)
        (bias,) = (tensor for tensor in tree.graph.initializer if list(tensor.dims) == [4])
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias)[[1, 2, 3, 0]], bias.name))
        (kernel,) = (tensor for tensor in tree.graph.initializer if len(tensor.dims) == 2 and tensor.dims[1] == 4)
        kernel.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(kernel)[:, [1, 2, 3, 0]], kernel.name))
        return real_onnx(tree.SerializeToString(), *arguments)

    monkeypatch.setattr(tflite_convert, "to_tflite", mixed_up)
    monkeypatch.setattr(onnx_quantize, "quantise", mixed_up_onnx)
    arguments = [str(run_folder), "--format", format, "--quantize", "--calibration", "8"]
    message = refused(arguments, capfd, tmp_path / "out")
    assert "refused: the int8 model is" in message
