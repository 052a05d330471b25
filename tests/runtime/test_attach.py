"""A card on a model file from elsewhere: what is read from the file, and every file that does not fit."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from runtime import Classifier
from runtime.cli import entry
from runtime.engines.load import open_engine
from runtime.golden import golden_distance, tolerance
from runtime.stream.sliding_window import Stream
from toolkit.artifact.file import read_card, read_model
from toolkit.cli import entry as toolkit_entry
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS

SPEC = PRESETS["log-mel"]
BANDS, FRAMES, LABELS = SPEC.n_mels, SPEC.frames, ("speech", "music", "dog, barking")
RATE = SPEC.sample_rate


def onnx_model(
    path: Path, shape: tuple[Any, ...] = (1, FRAMES, BANDS), activation: str = "Sigmoid", labels: int = 3, **other: Any
) -> Path:
    """Write a network of one product: each label hears the mean of its own third of the input's last axis."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed: it comes with export")
    TensorProto, helper = onnx.TensorProto, onnx.helper

    kind = other.get("kind", TensorProto.FLOAT)
    size = shape[-1]
    weights = np.zeros((size, labels), np.float32)
    for label in range(labels):
        weights[label * size // labels : (label + 1) * size // labels, label] = 12 / size
    nodes = [
        helper.make_node("Reshape", ["input", "flat"], ["rows"]),
        helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node(activation, ["logits"], ["scores"]),
    ]
    outputs = ["scores", *other.get("outputs", ())]
    inputs = ["input", *other.get("inputs", ())]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, other.get("output", [1, labels])) for name in outputs],
        [
            helper.make_tensor("flat", TensorProto.INT64, [3], [1, -1, size]),
            helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"stride": "32", "author": "another tool"})
    path.write_bytes(model.SerializeToString())
    return path


def label_file(folder: Path, labels: tuple[str, ...] = LABELS) -> Path:
    path = folder / "labels.txt"
    path.write_text("\n".join(labels) + "\n", encoding="utf-8")
    return path


def attached(folder: Path, model: Path, *options: str, front_end: str = "log-mel") -> Path:
    output = folder / f"attached{model.suffix}"
    labels = label_file(folder)
    words = ["attach", str(model), "--labels", str(labels), "--front-end", front_end, "--output", str(output), *options]
    assert entry(words) == 0
    return output


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    sound = 0.5 * np.sin(2 * np.pi * 2_000 * np.arange(5 * RATE) / RATE)
    soundfile.write(path, sound.astype(np.float32), RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((1, FRAMES, BANDS), ("batch", "frame", "band")),
        ((1, BANDS, FRAMES), ("batch", "band", "frame")),
        ((1, FRAMES, BANDS, 1), ("batch", "frame", "band", "channel")),
        ((1, 1, BANDS, FRAMES), ("batch", "channel", "band", "frame")),
        ((1, BANDS, FRAMES, 1), ()),
        ((FRAMES, BANDS), ("frame", "band")),
    ],
)
def test_the_order_of_the_axes_follows_from_the_shape(
    tmp_path: Path, shape: tuple[int, ...], axes: tuple[str, ...], tone: Path
) -> None:
    path = attached(tmp_path, onnx_model(tmp_path / "m.onnx", shape))
    card = read_card(path)
    assert (card.axes, card.input_level, card.input.shape) == (axes, "grid", shape)
    grid = features(soundfile.read(tone, dtype="float32")[0], SPEC)[:, :, 0]
    classifier = Classifier.load(path)
    columns = (
        np.moveaxis(grid, (1, 0) if axes.index("frame") < axes.index("band") else (0, 1), (0, 1)) if axes else None
    )
    if columns is not None and shape[-1] > 1:
        size = shape[-1]
        means = columns.reshape(-1, size).mean(axis=0, dtype=np.float64)
        weights = np.zeros((size, 3))
        for label in range(3):
            weights[label * size // 3 : (label + 1) * size // 3, label] = 12 / size
        expected = 1 / (1 + np.exp(-(means @ weights)))
        by_label = classifier.classify(tone).by_label()
        np.testing.assert_allclose([by_label[label] for label in LABELS], expected, atol=1e-4)


def test_a_stream_gives_what_a_file_gives(tmp_path: Path, tone: Path) -> None:
    classifier = Classifier.load(attached(tmp_path, onnx_model(tmp_path / "m.onnx")))
    (result,) = Stream(classifier).push(soundfile.read(tone, dtype="float32")[0])
    by_label = classifier.classify(tone).by_label()
    assert result.probabilities == tuple(by_label[label] for label in LABELS)


def test_several_labels_apply_to_a_sound(tmp_path: Path, tone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = attached(tmp_path, onnx_model(tmp_path / "m.onnx"), "--threshold", "0.018")
    card = read_card(path)
    assert card.multi_label and card.thresholds == (0.018,) * 3 and card.accuracy is None
    prediction = Classifier.load(path).classify(tone)
    assert prediction.active is not None and len(prediction.active) == 2
    assert prediction.active == tuple(name for name, score in prediction.by_label().items() if score >= 0.018)
    assert sum(prediction.probabilities) != pytest.approx(1, abs=0.01)
    capfd.readouterr()
    command = [str(tone), "--model", str(path)]
    assert entry([*command, "--json"]) == 0
    value = json.loads(capfd.readouterr().out)
    assert value["labels"] == list(prediction.active) and value["label"] == prediction.active[0]
    assert entry([*command, "--csv"]) == 0
    header, row = csv.reader(io.StringIO(capfd.readouterr().out))
    assert row[header.index("label")] == "; ".join(prediction.active)
    assert entry(command) == 0
    out = capfd.readouterr().out
    assert "accuracy unknown" in out and f": {'; '.join(prediction.active)}  (" in out
    assert entry([*command, "--json", "--min-confidence", "1"]) == 0
    value = json.loads(capfd.readouterr().out)
    assert (value["state"], value["label"], value["labels"]) == ("unknown", "unknown", [])


def test_a_softmax_is_told_by_its_sum(tmp_path: Path) -> None:
    path = attached(tmp_path, onnx_model(tmp_path / "m.onnx", activation="Softmax"))
    card = read_card(path)
    assert (card.activation, card.thresholds, card.labels) == ("softmax", (), LABELS)
    assert card.origin.kind == "foreign" and len(card.origin.digest) == 64 and card.licence == "NOASSERTION"
    assert card.golden is not None and golden_distance(open_engine(path), card.golden) < 1e-6


def test_it_is_a_verb_of_the_toolkit_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, labels = onnx_model(tmp_path / "m.onnx"), label_file(tmp_path)
    words = [
        "attach",
        str(model),
        "--labels",
        str(labels),
        "--front-end",
        "log-mel",
        "--output",
        str(tmp_path / "o.onnx"),
    ]
    assert toolkit_entry([*words, "--licence", "MIT", "--name", "mine", "--url", "example.org"]) == 0
    card = read_card(tmp_path / "o.onnx")
    assert (card.model, card.licence, card.origin.url) == ("mine", "MIT", "example.org")
    first = (tmp_path / "o.onnx").read_bytes()
    assert toolkit_entry([*words, "--licence", "MIT", "--name", "mine", "--url", "example.org"]) == 0
    assert (tmp_path / "o.onnx").read_bytes() == first


@pytest.mark.parametrize(
    ("model", "options", "code", "message"),
    [
        ({"inputs": ["other"]}, [], 1, "the model has 2 inputs, not one"),
        ({"outputs": ["logits"]}, [], 1, "the model has 2 outputs, not one"),
        ({"labels": 4}, [], 1, "labels.txt: 3 labels, but "),
        ({"shape": (1, "time", BANDS)}, [], 1, "its input is (1, any, 64), of any size"),
        ({"shape": (1, 98, BANDS)}, [], 1, "its input is (1, 98, 64), but the front end log-mel makes (1, 80000)"),
        ({"activation": "Identity"}, [], 1, "so they are no probabilities: convert the network with its softmax"),
        ({}, ["--activation", "softmax"], 1, "its outputs add up to "),
        ({"activation": "Softmax"}, ["--threshold", "0.2"], 2, "--threshold is for labels that do not exclude"),
        ({}, ["--threshold", "2"], 2, "--threshold is 2: give a score, 0 to 1"),
        ({}, ["--axes", "batch,band,frame"], 2, f"that is (1, 64, {FRAMES}) with the front end log-mel, but the input"),
        ({}, ["--axes", "batch,row,column"], 2, "--axes batch,row,column: name the axes of "),
        ({}, ["--axes", "batch,band,band,frame"], 2, "one occurs twice"),
        ({}, ["--front-end", "nothing"], 2, "there is no front end 'nothing'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, model: dict[str, Any], options: list[str], code: int, message: str, capfd: Any
) -> None:
    path, labels = onnx_model(tmp_path / "m.onnx", **model), label_file(tmp_path)
    words = [
        "attach",
        str(path),
        "--labels",
        str(labels),
        "--front-end",
        "log-mel",
        "--output",
        str(tmp_path / "o.onnx"),
    ]
    assert entry([*words, *options]) == code
    (line,) = capfd.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "o.onnx").exists()


def test_equal_sides_need_their_order(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = {**SPEC.to_dict(), "window_seconds": 63 * 256 / 16_000}
    (tmp_path / "square.json").write_text(json.dumps(spec))
    model, labels = onnx_model(tmp_path / "m.onnx", (1, 64, 64)), label_file(tmp_path)
    words = ["attach", str(model), "--labels", str(labels), "--front-end", str(tmp_path / "square.json")]
    words += ["--output", str(tmp_path / "o.onnx")]
    assert entry(words) == 2
    assert "give --axes batch,band,frame or batch,frame,band" in capfd.readouterr().err
    assert entry([*words, "--axes", "batch,frame,band"]) == 0
    assert read_card(tmp_path / "o.onnx").axes == ("batch", "frame", "band")


def test_files_that_are_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = label_file(tmp_path)
    model = onnx_model(tmp_path / "m.onnx")
    whole = attached(tmp_path, model)
    (tmp_path / "text.tflite").write_text("no model at all")
    (tmp_path / "cut.onnx").write_bytes(model.read_bytes()[:300])
    capfd.readouterr()
    for path, message in {
        "missing.tflite": "cannot be read",
        "text.tflite": "neither a TFLite nor an ONNX model",
        "cut.onnx": "no whole ONNX model (the field at byte ",
        whole.name: "it has a card already",
    }.items():
        words = [str(tmp_path / path), "--labels", str(labels), "--front-end", "log-mel"]
        assert entry(["attach", *words, "--output", str(tmp_path / "o.onnx")]) in (1, 2)
        (line,) = capfd.readouterr().err.splitlines()
        assert message in line
    words = ["attach", str(model), "--labels", str(labels), "--front-end", "log-mel", "--output", str(model)]
    assert entry(words) == 2 and "that is the file itself" in capfd.readouterr().err
    monkeypatch.chdir(tmp_path)
    for place, message in (
        (tmp_path, "a folder: name a .tflite"),
        (tmp_path / "none.tflite", "(no such file): name a"),
    ):
        assert entry(["attach", str(place), *words[2:6]]) == 2 and message in capfd.readouterr().err
    assert not (tmp_path / "artifacts").exists()


@pytest.mark.slow
def test_yamnet_hears_music(backbones: Path, tmp_path: Path, gtzan_root: Path) -> None:
    words = ["attach", str(backbones / "yamnet.tflite"), "--labels", str(backbones / "yamnet_class_map.csv")]
    output = tmp_path / "yamnet.tflite"
    assert entry([*words, "--front-end", "yamnet", "--threshold", "0.3", "--output", str(output)]) == 0
    card = read_card(output)
    assert (card.input.shape, card.axes, card.input_level, card.activation) == (
        (15_600,),
        ("sample",),
        "waveform",
        "sigmoid",
    )
    classifier = Classifier.load(output)
    clips = [next(iter(sorted((gtzan_root / "genres_original" / name).iterdir()))) for name in ("classical", "metal")]
    for clip in clips:
        prediction = classifier.classify(clip)
        assert prediction.label == "Music" and "Music" in (prediction.active or ())
    silence = classifier.classify(np.full(16_000, 1e-5, np.float32), 16_000, silence=-200)
    assert silence.label == "Silence"


@pytest.mark.parametrize(
    "name", ["gtzanet-int8.tflite", "gtzanet-float16.tflite", "gtzanet-dynamic.tflite", "gtzanet-float32.onnx"]
)
def test_a_file_that_lost_its_card_gets_one_that_says_the_same(
    artifacts: Path, tmp_path: Path, name: str, sound: Path
) -> None:
    model = read_model(artifacts / name)
    bare, labels = tmp_path / name, label_file(tmp_path, model.card.labels)
    bare.write_bytes(model.content[: model.start])
    output = tmp_path / f"attached-{name}"
    words = ["attach", str(bare), "--labels", str(labels), "--front-end", "gtzan-picture", "--output", str(output)]
    assert entry(words) == 0
    card = read_card(output)
    for field in ("labels", "front_end", "input_level", "quantization", "model_digest", "activation", "axes"):
        assert getattr(card, field) == getattr(model.card, field)
    assert card.golden and golden_distance(open_engine(artifacts / name), card.golden) <= tolerance(card)
    for tensor in ("input", "output"):
        assert getattr(card, tensor)._replace(layout="") == getattr(model.card, tensor)._replace(layout="")
    scores = [Classifier.load(path).classify(sound).label for path in (artifacts / name, output)]
    assert scores[0] == scores[1]
