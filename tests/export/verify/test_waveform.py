"""Models with their front end inside: exported, described, the same every time, and refused where they differ."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.probes import synthetic_sounds
from export.variants import PRECISIONS
from export.verify.waveform import check_same, sounds
from runtime.classifier import Classifier
from tests.cards import example_card
from tests.run_maker import PLAN, made_artifacts
from toolkit.artifact.file import FORMATS, model_files, read_card
from toolkit.data import synthetic
from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE

pytestmark = pytest.mark.slow

COMMON = ["--calibration", "16", "--max-drop", "10", "--no-speed", "--plan", PLAN]
FILES = [("waveform", format, precision) for format in FORMATS for precision in PRECISIONS[format]]
FILES += [("mel", format, precision) for format in FORMATS for precision in ("float32", "mixed")]


@pytest.fixture(scope="module")
def sound_models(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every file of the synthetic run for samples, and some for decibels."""
    output = tmp_path_factory.mktemp("sound-models")
    options = ["--format", "all", "--quantize", "mixed", "--input", "mel", "--output", str(output)]
    assert entry([str(run_folder), *options, *COMMON]) == 0
    waveform = made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet", "waveform")
    shutil.copytree(waveform, output, dirs_exist_ok=True)
    return output


@pytest.mark.parametrize(("level", "format", "precision"), FILES)
def test_it_says_what_its_twin_says(
    sound_models: Path, artifacts: Path, level: str, format: str, precision: str
) -> None:
    ours = Classifier.load(sound_models / f"gtzanet-{level}-{precision}.{format}")
    twin = Classifier.load(artifacts / f"gtzanet-{precision}.{format}")
    assert (ours.card.input_level, ours.card.precision) == (level, precision)
    assert ours.card.input.dtype == ours.card.output.dtype == "float32"
    assert ours.card.accuracy == twin.card.accuracy and ours.labels == twin.labels
    for label in synthetic.CLASSES[:3]:
        sound = synthetic.clip(label, 7)
        our_result, twin_result = ours.classify(sound, PICTURE.sample_rate), twin.classify(sound, PICTURE.sample_rate)
        assert our_result.label == twin_result.label
        assert our_result.by_label() == pytest.approx(twin_result.by_label(), abs=0.02)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seconds", [0.5, 29.0, 45.0, 95.0])
def test_a_sound_of_any_length(sound_models: Path, artifacts: Path, seconds: float, format: str) -> None:
    sound = synthetic.clip(synthetic.CLASSES[1], 3, seconds=seconds)
    ours = Classifier.load(sound_models / f"gtzanet-waveform-float32.{format}").classify(sound, PICTURE.sample_rate)
    twin = Classifier.load(artifacts / f"gtzanet-float32.{format}").classify(sound, PICTURE.sample_rate)
    assert len(ours.windows) == len(twin.windows) and sum(ours.probabilities) == pytest.approx(1)
    assert ours.by_label() == pytest.approx(twin.by_label(), abs=0.1)


@pytest.mark.parametrize("format", FORMATS)
def test_pictures_are_not_for_it(sound_models: Path, format: str) -> None:
    classifier = Classifier.load(sound_models / f"gtzanet-waveform-int8.{format}")
    with pytest.raises(UsageError, match="the model accepts a waveform, no picture"):
        classifier.classify_picture(np.zeros((288, 432, 3), np.uint8))


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_repeat_gives_the_same_bytes(run_folder: Path, tmp_path: Path, format: str) -> None:
    for name in ("first", "again"):
        options = ["--format", format, "--quantize", "--input", "waveform", "--output", str(tmp_path / name)]
        assert entry([str(run_folder), *options, *COMMON[:-2]]) == 0
    written = model_files(tmp_path / "first")
    assert {path.name for path in written} == {f"gtzanet-waveform-{name}.{format}" for name in ("float32", "int8")}
    for path in written:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_only_operators_that_tflite_has_built_in(sound_models: Path) -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    for path in sound_models.glob("*.tflite"):
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        assert not [code.customCode for code in model.operatorCodes if code.customCode]


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_front_end_that_renders_otherwise_is_refused(
    format: str,
    run_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bands upside down, as a front end that is written twice can have them."""
    monkeypatch.setattr("export.tflite.frontend.shown_bands", lambda count: np.linspace(0, count - 1, 217).astype(int))
    monkeypatch.setattr("export.onnx.frontend.shown_bands", lambda count: np.linspace(0, count - 1, 217).astype(int))
    assert entry([str(run_folder), "--format", format, "--input", "waveform", "--output", str(tmp_path)]) == 1
    assert "refused: the waveform model's label of" in capfd.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


class Constant:
    """A classifier of two labels whose scores are the same for every sound."""

    card = example_card()
    labels = card.labels

    def __init__(self, first: float) -> None:
        self.first = first

    def scores(self, value: Any) -> Any:
        return np.array([self.first, 1 - self.first])


@pytest.mark.parametrize(
    ("ours", "twin", "message"),
    [
        (0.495, 0.505, "the picture model's label of a tone is low, the picture model's high .* 0.01, limit 0.02"),
        (0.83, 0.8, "the picture model's label of a tone is high, the picture model's high .* 0.03, limit 0.02"),
        (0.1, 0.8, "the picture model's label of a tone is low, the picture model's high .* 0.7, limit 0.02"),
        (0.81, 0.8, None),
    ],
    ids=["label", "distance", "both", "neither"],
)
def test_another_label_or_a_distance_is_enough(ours: float, twin: float, message: str | None) -> None:
    sound = {"a tone": sounds(PICTURE)["a tone"]}
    expected = nullcontext() if message is None else pytest.raises(ArtifactError, match=message)
    with expected:
        check_same(Constant(ours), Constant(twin), sound)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["yamnet", "efficientat", "mel-grid"])
def test_twins_of_any_front_end_are_compared_on_windows_of_it(name: str) -> None:
    spec = PRESETS[name]
    heard = sounds(spec)
    assert set(synthetic_sounds(spec, 1, 1000.0)) < set(heard) and len(heard) == 6 + len(synthetic.CLASSES)
    assert all(sound.shape == (spec.fixed_samples,) and sound.dtype == np.float32 for sound in heard.values())
    twin = Constant(0.8)
    tensor = twin.card.input._replace(shape=(1, *spec.shape))
    twin.card = replace(twin.card, front_end=spec, input_level="grid", input=tensor)
    with pytest.raises(ArtifactError, match="the grid model's high"):
        check_same(Constant(0.1), twin, {"a tone": heard["a tone"]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [["--io", "int8", "--quantize"], ["--dynamic-batch", "--format", "onnx"]], ids=["io", "batch"]
)
def test_misuse(run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert entry([str(run_folder), "--input", "waveform", *options, "--output", str(tmp_path)]) == 2
    assert "has one float32 input per call" in capfd.readouterr().err


@pytest.mark.parametrize("format", FORMATS)
def test_the_card_describes_the_input(sound_models: Path, format: str) -> None:
    waveform, mel = (read_card(sound_models / f"gtzanet-{level}-mixed.{format}") for level in ("waveform", "mel"))
    assert waveform.input.shape == (1, 661_504) and mel.input.shape == (1, 128, 1293)
    assert "sample" in waveform.input.layout and "band" in mel.input.layout
