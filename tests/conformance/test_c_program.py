"""The example in C on real music: labels and probabilities are those of the runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime import Classifier
from tests.examples.c_program import build, needs, parsed, run
from toolkit.data.dataset import build_index

TOLERANCE = 0.02


@needs("gcc")
@pytest.mark.slow
@pytest.mark.gtzan
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_clips_get_the_label_of_the_runtime(
    precision: str, trained_sound_artifacts: Path, gtzan_root: Path, tmp_path: Path
) -> None:
    program, index = build(tmp_path / "classify"), build_index(gtzan_root, "audio")
    model = trained_sound_artifacts / f"gtzanet-waveform-{precision}.tflite"
    classifier, differences = Classifier.load(model), []
    assert len(index.items) >= 40
    for item in index.items:
        sound, rate = soundfile.read(index.path(item), dtype="int16")
        soundfile.write(tmp_path / "clip.wav", sound, rate)
        prediction = classifier.classify(tmp_path / "clip.wav")
        label, probabilities = parsed(run(program, model, tmp_path / "clip.wav"))
        assert label == prediction.label, item.name
        differences.append(max(abs(probabilities[name] - value) for name, value in prediction.by_label().items()))
    print(f"{len(differences)} clips, largest difference {max(differences):.2g}")
    assert np.max(differences) <= TOLERANCE
