"""The whole export: files that load anywhere, repeat byte for byte, and are absent when anything is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.options import Options
from export.variants import PRECISIONS, variants
from export.write import Exported
from runtime import Classifier
from tests.cards import example_card
from tests.export.runs import change, copied
from tests.run_maker import CLASSES, PER_CLASS, PLAN, exported
from toolkit.artifact.card_sections import AccuracyCard, ParityCard
from toolkit.artifact.file import FORMATS, ONNX, model_files, read_archive, read_card
from toolkit.data.run_folder import Run
from toolkit.errors import ArtifactError
from toolkit.measure.latency import Ratio

NAMES = ("gtzanet-float32.tflite", "gtzanet-int8.tflite")


@pytest.mark.parametrize("format", FORMATS)
def test_cards_describe_the_files(artifacts: Path, run_folder: Path, format: str) -> None:
    run = Run.load(run_folder)
    names = [name.replace("tflite", format) for name in NAMES]
    for name in names:
        card = read_card(artifacts / name)
        assert card.labels == CLASSES
        assert card.run_digest == run.config["digest"]
        assert card.dataset.digest == run.config["data"]["digest"]
        assert card.split.digest == run.split.digest
        assert card.accuracy and card.accuracy.n == len(run.split.validation) == len(CLASSES) * PER_CLASS // 4
        assert card.accuracy.correct / card.accuracy.n == card.accuracy.accuracy > 0.9
        assert card.front_end.to_dict() == run.config["front_end"]
        assert {"tensorflow", "tf_keras", "numpy"} <= set(card.versions)
    float32, int8 = (read_card(artifacts / name) for name in names)
    assert float32.parity and float32.parity.max_abs <= 1e-5 and float32.parity.top1_agreement == 1
    assert float32.calibration is None and float32.input.scale is None
    assert (float32.float_ops, int8.float_ops) == ((), () if format == "tflite" else ("Mul", "Softmax"))
    assert int8.calibration is not None and (int8.calibration.items, int8.calibration.edges) == (16, 6)
    if format == "tflite":
        assert int8.input.dtype == int8.output.dtype == "int8"
        assert int8.input.scale == pytest.approx(1, abs=0.01) and int8.input.zero_point == -128
    else:
        assert int8.input == float32.input and int8.output == float32.output
    assert (artifacts / names[1]).stat().st_size < 0.4 * (artifacts / names[0]).stat().st_size


@pytest.mark.parametrize("name", NAMES)
def test_files_load_in_tensorflow_too_and_say_the_same_there(artifacts: Path, name: str) -> None:
    import tensorflow as tf

    picture = np.random.default_rng(5).integers(0, 256, (288, 432, 3)).astype(np.uint8)
    interpreter = tf.lite.Interpreter(model_path=str(artifacts / name))
    interpreter.allocate_tensors()
    card = read_card(artifacts / name)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    value = picture[None].astype(np.float32)
    if card.quantization == "int8":
        scale, zero_point = source["quantization"]
        value = np.clip(np.round(value / scale) + zero_point, -128, 127).astype(np.int8)
    interpreter.set_tensor(source["index"], value)
    interpreter.invoke()
    scores = interpreter.get_tensor(target["index"])[0].astype(np.float64)
    if card.quantization == "int8":
        scores = (scores - target["quantization"][1]) * target["quantization"][0]
    runtime_scores = Classifier.load(artifacts / name).scores(picture)
    np.testing.assert_allclose(
        runtime_scores, scores / scores.sum(), atol=1e-5 if card.quantization == "none" else 0.02
    )


@pytest.mark.parametrize("precision", PRECISIONS[ONNX])
def test_onnx_files_load_in_onnx_runtime_and_say_the_same_there(artifacts: Path, precision: str) -> None:
    import onnxruntime

    path = artifacts / f"gtzanet-{precision}.onnx"
    picture = np.random.default_rng(5).integers(0, 256, (288, 432, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ((scores,),) = session.run(["probability"], {"picture": picture[None].astype(np.float32)})
    np.testing.assert_allclose(Classifier.load(path).scores(picture), scores, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
def test_a_byte_that_changes_in_the_model_is_noticed(artifacts: Path, tmp_path: Path, format: str) -> None:
    path = artifacts / f"gtzanet-float32.{format}"
    content = bytearray(path.read_bytes())
    content[read_archive(path).start // 2] ^= 1
    (tmp_path / path.name).write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged: the model is not the one its card describes"):
        Classifier.load(tmp_path / path.name)


def test_all_weights_and_activations_of_the_int8_file_are_integers(artifacts: Path) -> None:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(
        model_path=str(artifacts / NAMES[1]),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    assert {np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()} <= {"int8", "int32"}


@pytest.mark.slow
def test_a_repeat_in_another_process_gives_the_same_bytes(run_folder: Path, artifacts: Path, tmp_path: Path) -> None:
    done = exported(copied(run_folder, tmp_path / "elsewhere" / "renamed"), tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in model_files(artifacts))
    assert len(names) == sum(map(len, PRECISIONS.values()))
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (artifacts / name).read_bytes()
    # Its own progress lines are all there is: TensorFlow and the converter are silent.
    assert all(line.startswith("python -m export: ") for line in done.stderr.splitlines())
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()) == [str(tmp_path / "out" / n) for n in names]


def test_the_newest_finished_run_is_the_default(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, created in (("a", "2026-01-03"), ("b", "2026-01-02"), ("c", "2026-01-04")):
        change(copied(run_folder, tmp_path / "runs" / name), "created", created)
    (tmp_path / "runs" / "c" / "metrics.json").unlink()
    seen: list[Path] = []

    def record(run: Run, **options: Any) -> list[Any]:
        seen.append(run.path)
        return []

    monkeypatch.setattr("export.cli.export_run", record)
    monkeypatch.chdir(tmp_path)
    assert entry([]) == 0
    assert [path.name for path in seen] == ["a"]


@pytest.mark.slow
def test_onnx_files_with_a_free_batch_classify(run_folder: Path, artifacts: Path, tmp_path: Path) -> None:
    arguments = ["--format", "onnx", "--quantize", "all", "--calibration", "16", "--dynamic-batch", "--no-speed"]
    arguments += ["--plan", PLAN]
    assert entry([str(run_folder), *arguments, "--max-drop", "10", "--output", str(tmp_path)]) == 0
    picture = np.random.default_rng(7).integers(0, 256, (288, 432, 3)).astype(np.uint8)
    for path in model_files(tmp_path):
        free, fixed = Classifier.load(path), Classifier.load(artifacts / path.name)
        assert free.card.input.shape == (1, 288, 432, 3)
        np.testing.assert_allclose(free.scores(picture), fixed.scores(picture), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_an_int8_file_may_take_and_give_other_types(run_folder: Path, artifacts: Path, tmp_path: Path, io: str) -> None:
    arguments = ["--quantize", "--io", io, "--calibration", "16", "--max-drop", "10", "--output", str(tmp_path)]
    assert entry([str(run_folder), *arguments]) == 0
    ours, int8 = (Classifier.load(folder / NAMES[1]) for folder in (tmp_path, artifacts))
    assert (ours.card.input.dtype, ours.card.output.dtype, ours.card.quantization) == (io, io, "int8")
    pictures = np.random.default_rng(6).integers(0, 256, (5, 288, 432, 3)).astype(np.uint8)
    for picture in pictures:
        np.testing.assert_allclose(ours.scores(picture), int8.scores(picture), atol=0.02)


@pytest.mark.slow
def test_a_synthetic_run_says_so_on_its_card(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = copied(run_folder, tmp_path / "run")
    change(run, "data.synthetic", True)
    assert entry([str(run), "--format", "all", "--output", str(tmp_path / "out")]) == 0
    for format in FORMATS:
        dataset = read_card(tmp_path / "out" / f"gtzanet-float32.{format}").dataset
        assert dataset.synthetic and "knows no music" in dataset.notice


def test_every_flag_arrives_in_its_own_option(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def record(run: Run, **options: Any) -> list[Any]:
        seen.append(options)
        return []

    monkeypatch.setattr("export.cli.export_run", record)
    flags = "--format all --quantize all --calibration 17 --io uint8 --dynamic-batch --max-drop 3.5 --qat 2"
    flags += " --plan conv0=int8 --fail-if-slower --output there --data elsewhere"
    assert entry([str(run_folder), *flags.split()]) == 0
    assert entry([str(run_folder), "--no-speed", "--input", "mel"]) == 0
    full, plain = seen
    assert full["options"] == Options(17, "uint8", True, 3.5, True, True, True, "conv0=int8", 2)
    assert (full["data"], full["output"]) == (Path("elsewhere"), Path("there"))
    assert full["variants"] == variants("all", "all")
    assert plain["options"] == Options(speed=False)
    assert (plain["data"], plain["output"], plain["variants"]) == (
        None,
        Path("artifacts"),
        variants("tflite", None, "mel"),
    )


def test_the_printed_line_has_each_number_in_its_place(
    capfd: pytest.CaptureFixture[str], run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy = AccuracyCard("validation", 199, 101, 101 / 199, (0.4386, 0.5765))
    parity = ParityCard(pictures=212, max_abs=0.017, min_cosine=0.9, top1_agreement=0.985, keras_correct=102)
    card = replace(example_card(), accuracy=accuracy, parity=parity)
    item = Exported(Path("a.onnx"), card, 1_234_567, Ratio(1.5, 1.4, 1.6))
    monkeypatch.setattr("export.cli.export_run", lambda run, **options: [item])
    assert entry([str(run_folder)]) == 0
    out, err = capfd.readouterr()
    assert out == (
        "a.onnx: 1.23 MB, validation accuracy 0.508 [0.439, 0.577] (n = 199), 98.5% of the labels as Keras, "
        "probabilities off by 0.017 at most, 1.50 [1.40, 1.60] times float32's time\n"
    )
    assert err == (
        "python -m export: NOT FASTER on this machine: a.onnx needs 1.50 [1.40, 1.60] times float32's time\n"
    )
