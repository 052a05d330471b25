"""Eight models from outside: each becomes files that do what it does, or is refused by the name of a layer."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from export.cli import entry
from export.variants import PRECISIONS
from runtime import Classifier
from tests.export.foreign.zoo import FRONT_END, LABELS, ZOO, keras_of, labels_file, saved, write_sounds
from toolkit.artifact.file import FORMATS, read_card

REFUSED = {
    "gru": {"int8.tflite", "int16x8.tflite", "mixed.tflite"},
    "attention": {"int16x8.tflite"},
    "mobilenet_v3": {"int16x8.tflite"},
    "waveform": {"int16x8.tflite"},
}
"""The files that there cannot be."""
OF_KERAS_3 = {"gru": {"int8.onnx", "mixed.onnx"}}
"""Those that there cannot be of a model of Keras 3, besides."""
CULPRITS = {"gru": "memory (GRU)", "attention": "norm (LayerNormalization)"}
EXACT = ("float32", "float16", "dynamic")
"""What every model can be. The integers may be too far off for one, which is a refusal of the gates'."""
EVERY = {f"{precision}.{format}" for format in FORMATS for precision in PRECISIONS[format]}


@pytest.mark.slow
@pytest.mark.parametrize("package", ["tf_keras", "keras"])
@pytest.mark.parametrize("name", ZOO)
def test_every_format_does_what_the_model_does_or_names_a_layer(
    name: str, package: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, output = saved(tmp_path, package, ZOO[name]), tmp_path / "out"
    arguments = [str(path), "--labels", str(labels_file(tmp_path)), *FRONT_END, "--output", str(output)]
    arguments += [
        "--calibration-sounds",
        str(write_sounds(tmp_path / "sounds")),
        "--no-speed",
        "--plan",
        "scores=dynamic",
    ]
    assert entry([*arguments, "--format", "all", "--quantize", "all"]) == 0
    left_out = dict(re.findall(rf"left out: {name}-(\S+): (.*)", capfd.readouterr().err))
    written = {item.name.removeprefix(f"{name}-") for item in output.iterdir()}
    assert written == EVERY - set(left_out)
    assert {f"{precision}.{format}" for precision in EXACT for format in FORMATS} <= written
    impossible = {file for file, reason in left_out.items() if f"the layer is {CULPRITS.get(name, '')}" in reason}
    assert impossible == REFUSED.get(name, set()) | (OF_KERAS_3.get(name, set()) if package == "keras" else set())
    assert all(left_out[file].startswith("refused: the ") for file in set(left_out) - impossible)
    card = read_card(output / f"{name}-dynamic.onnx")
    assert (card.labels, card.accuracy, card.origin.kind) == (LABELS, None, "keras")


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_a_file_classifies_as_the_keras_model_does(package: str, tmp_path: Path) -> None:
    """The one whose frames lie before its bands: from a sound to the label, by the runtime alone."""
    import soundfile

    from toolkit.frontend.features import features

    path, output = saved(tmp_path, package, ZOO["convolution_1d"]), tmp_path / "out"
    arguments = [str(path), "--labels", str(labels_file(tmp_path)), *FRONT_END, "--output", str(output)]
    assert entry([*arguments, "--format", "all", "--no-speed"]) == 0
    sound, rate = soundfile.read(write_sounds(tmp_path / "sounds") / "rain" / "0.wav", dtype="float32")
    model = keras_of(package).models.load_model(path)
    for format in FORMATS:
        classifier = Classifier.load(output / f"convolution_1d-float32.{format}")
        grid = features(sound, classifier.card.front_end)
        expected = np.asarray(model(grid[None, :, :, 0].transpose(0, 2, 1)))[0]
        prediction = classifier.classify(sound, rate).by_label()
        np.testing.assert_allclose([prediction[label] for label in LABELS], expected, atol=1e-5)
