"""Mixtures of real models: each layer is of its plan's kind, and a layer that eight bits cannot hold stays float32."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.keras import load_tensorflow
from export.onnx.convert import to_onnx
from export.onnx.mixed import OnnxMixer
from export.quantize import trials
from export.quantize.mixer import Mixer, grouped
from export.tflite.convert import to_tflite
from export.tflite.mixed import TfliteMixer
from runtime.classifier import Classifier
from tests.run_maker import made_run, make_run, network
from toolkit.artifact.file import read_card
from toolkit.errors import ArtifactError

pytestmark = pytest.mark.slow

PICTURES = np.random.default_rng(4).integers(0, 256, (6, 288, 432, 3), np.uint8)
LAYERS = ("first", "second", "third", "fourth", "fifth", "dense")
ZFNET_LAYERS = ("first", "second", "third", "fourth", "fifth", "dense", "denser", "last")
LARGE = 1000.0


def run_tflite(model: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    rows = []
    for picture in PICTURES:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None].astype(np.float32))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.stack(rows)


def run_onnx(model: bytes) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, {"picture": picture[None].astype(np.float32)})[0][0] for picture in PICTURES])


MixerAndRun = tuple[Mixer, Callable[[bytes], Any]]


@pytest.fixture(scope="module", params=["tflite", "onnx"])
def mixer_and_run(request: pytest.FixtureRequest) -> MixerAndRun:
    """Return a mixer of an untrained GTZANet, and what runs its models on `PICTURES`."""
    load_tensorflow()
    model = network("gtzanet", 4)
    if request.param == "onnx":
        return OnnxMixer(to_onnx(model), LAYERS, PICTURES), run_onnx
    return TfliteMixer(to_tflite(model), LAYERS, PICTURES), run_tflite


@pytest.mark.parametrize("kind", ["int8", "dynamic"])
@pytest.mark.parametrize("layer", LAYERS)
def test_one_layer_alone(mixer_and_run: MixerAndRun, layer: str, kind: str) -> None:
    mixer, run = mixer_and_run
    nothing = dict.fromkeys(LAYERS, "float32")
    exact, mixed = mixer.build(nothing), mixer.build({**nothing, layer: kind})
    assert 0 < np.abs(run(mixed) - run(exact)).max() < 0.03
    assert mixer.build({**nothing, layer: kind}) == mixed
    assert eight_bit(mixed) == [name == layer for name in LAYERS]


def eight_bit(model: bytes) -> list[bool]:
    """Return of every layer whether its weights have eight bits."""
    if model[4:8] == b"TFL3":
        from tensorflow.lite.python import schema_py_generated as schema

        tree = schema.ModelT.InitFromPackedBuf(model, 0)
        (graph,) = tree.subgraphs
        weighing = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED)
        heavy = [step for step in graph.operators if tree.operatorCodes[step.opcodeIndex].builtinCode in weighing]
        return [graph.tensors[step.inputs[1]].type == schema.TensorType.INT8 for step in heavy]
    import onnx

    graph = onnx.load_from_string(model).graph
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    kinds = ("Conv", "Gemm", "MatMul", "ConvInteger", "MatMulInteger")
    return [node.input[1] not in floats for node in graph.node if node.op_type in kinds]


def test_the_heaviest_layers_make_the_file_small(mixer_and_run: MixerAndRun) -> None:
    mixer, run = mixer_and_run
    plan = {**dict.fromkeys(LAYERS, "float32"), "fifth": "int8", "dense": "dynamic"}
    mixed, exact = mixer.build(plan), mixer.build(dict.fromkeys(LAYERS, "float32"))
    assert len(mixed) < 0.52 * len(exact)
    assert np.abs(run(mixed) - run(exact)).max() < 0.03


@pytest.mark.parametrize("mixer_class", [TfliteMixer, OnnxMixer])
def test_ranges_hold_what_any_picture_reaches(mixer_class: Any) -> None:
    """A moving average over the pictures would clip the loudest: here one of eight, and the first."""
    load_tensorflow()
    model = network("gtzanet", 4)
    dark = np.full((7, 288, 432, 3), 3, np.uint8)
    convert, run = (to_tflite, run_tflite) if mixer_class is TfliteMixer else (to_onnx, run_onnx)
    mixer = mixer_class(convert(model), LAYERS, np.concatenate([PICTURES[:1], dark]))
    mixed = mixer.build(dict.fromkeys(LAYERS, "int8"))
    exact = mixer.build(dict.fromkeys(LAYERS, "float32"))
    assert np.abs(run(mixed)[0] - run(exact)[0]).max() < 0.03


@pytest.mark.parametrize("mixer_class", [TfliteMixer, OnnxMixer])
def test_zfnet_is_standardised_in_float32(mixer_class: Any) -> None:
    load_tensorflow()
    model = network("zfnet", 4)
    convert, run = (to_tflite, run_tflite) if mixer_class is TfliteMixer else (to_onnx, run_onnx)
    mixer = mixer_class(convert(model), ZFNET_LAYERS, PICTURES)
    exact = mixer.build(dict.fromkeys(ZFNET_LAYERS, "float32"))
    for kind in ("int8", "dynamic"):
        assert 0 < np.abs(run(mixer.build(dict.fromkeys(ZFNET_LAYERS, kind))) - run(exact)).max() < 0.05


def test_operators_are_told_apart_by_the_layer_in_their_name() -> None:
    operators = [
        ("a", "model/conv/Relu;model/norm/Fused", True, False),
        ("pool", "model/pool/Max", False, True),
        ("add", "model/add/Add", False, False),
        ("after", "model/reshape", False, True),
        ("b", "model/conv/Conv2D", True, False),
        ("c", "last/MatMul", True, False),
        ("d", "model/norm_1/Conv2D;model/other", True, False),
    ]
    assert grouped(operators, ("conv", "norm")) == {
        "conv": ["a", "pool"],
        "conv.2": ["b"],
        "last/MatMul": ["c"],
        "norm": ["d"],
    }
    assert list(grouped(operators[:6], ("one", "two", "three"))) == ["one", "two", "three"]
    with pytest.raises(ArtifactError, match="no layer with weights that can be quantised"):
        grouped(operators[1:4], ("conv",))


def plant_outlier(model: Any, pictures: Any) -> None:
    """Make one channel after the third convolution a thousand times as large, and undo it in the fourth."""
    import tf_keras

    third, fourth = [layer for layer in model.layers if layer.name.startswith("conv")][2:4]
    seen = tf_keras.Model(model.input, third.output).predict(pictures.astype(np.float32), batch_size=8, verbose=0)
    channel = int(seen.max(axis=(0, 1, 2)).argmax())
    kernel, bias = third.get_weights()
    kernel[..., channel] *= LARGE
    bias[channel] *= LARGE
    third.set_weights([kernel, bias])
    kernel, bias = fourth.get_weights()
    kernel[:, :, channel] /= LARGE
    fourth.set_weights([kernel, bias])


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_planted_outlier_is_recovered(
    format: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All kinds are measured as equally fast, so that only errors decide."""
    pictures = made_run(tmp_path_factory.getbasetemp(), "gtzanet").parents[1] / "made-pictures"
    run = make_run(tmp_path / "run", pictures, change=plant_outlier)
    even = lambda tasks, plan: dict.fromkeys(tasks, tuple((1.0,) for _ in range(12)))  # noqa: E731
    monkeypatch.setattr(trials, "time_tasks", even)
    options = ["--format", format, "--calibration", "16", "--no-speed", "--max-drop", "10"]
    assert entry([str(run), *options, "--quantize", "int8", "--output", str(tmp_path / "int8")]) == 1
    assert entry([str(run), *options, "--quantize", "mixed", "--output", str(tmp_path)]) == 0
    kinds = list(read_card(tmp_path / f"gtzanet-mixed.{format}").layers.values())
    assert kinds[2] != "int8" and kinds[3] == "float32"
    assert all(kinds[place] != "float32" for place in (0, 1, 4, 5))


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_the_same_plan_gives_the_same_bytes(run_folder: Path, tmp_path: Path, format: str) -> None:
    options = ["--quantize", "mixed", "--plan", "conv4=int8,last=dynamic", "--calibration", "8"]
    options += ["--no-speed", "--max-drop", "10"]
    files = []
    for place in ("one", "two"):
        assert entry([str(run_folder), "--format", format, *options, "--output", str(tmp_path / place)]) == 0
        files.append((tmp_path / place / f"gtzanet-mixed.{format}").read_bytes())
    assert files[0] == files[1]
    card = read_card(tmp_path / "one" / f"gtzanet-mixed.{format}")
    exact = dict.fromkeys(("conv0", "conv1", "conv2", "conv3"), "float32")
    assert card.layers == {**exact, "conv4": "int8", "last": "dynamic"}
    assert Classifier.load(tmp_path / "one" / f"gtzanet-mixed.{format}").classify_picture(PICTURES[0]).shape == (4,)


@pytest.mark.parametrize("names", [("conv2d_1",), ("conv2d", "conv2d_1", "conv2d_10")])
@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_names_that_begin_alike_stay_apart(format: str, names: tuple[str, ...]) -> None:
    import tf_keras

    load_tensorflow()
    layers = tf_keras.layers
    body = [layers.Conv2D(16, 3, 3, activation="relu", name=name) for name in names]
    end = [layers.GlobalMaxPooling2D(), layers.Softmax()]
    model = tf_keras.Sequential([layers.InputLayer((288, 432, 3), name="picture"), *body, *end])
    mixer: Mixer = (
        OnnxMixer(to_onnx(model), names, PICTURES)
        if format == "onnx"
        else TfliteMixer(to_tflite(model), names, PICTURES)
    )
    for name in names:
        built = mixer.build({**dict.fromkeys(names, "float32"), name: "int8"})
        assert eight_bit(built) == [other == name for other in names]


def test_without_the_quantizer_it_is_refused_at_once(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    assert entry([str(run_folder), "--quantize", "mixed", "--output", str(tmp_path)]) == 1
    (message,) = capfd.readouterr().err.splitlines()
    assert "this precision needs ai-edge-quantizer" in message and "pip install" in message


def test_a_plan_of_other_layers_is_misuse(run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--quantize", "mixed", "--plan", "conv7=int8", "--calibration", "8", "--output", str(tmp_path)]
    assert entry([str(run_folder), *options]) == 2
    (message,) = capfd.readouterr().err.splitlines()
    assert "--plan: there is no layer 'conv7' with weights; there are conv0, conv1" in message
    assert not list(tmp_path.iterdir())
