"""MediaPipe's AudioClassifier, the real package in an environment of its own, reads our waveform files and agrees."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from export.cli import entry
from runtime import Classifier
from runtime.preprocess import model_input
from tests.run_maker import BACKBONES, FRONT_ENDS, made_artifacts, made_run
from toolkit.data import synthetic
from toolkit.frontend.windows import fitted

VARIABLE = "MEDIAPIPE_PYTHON"
CLASSIFY = """
import json, sys
import numpy as np
from mediapipe.tasks.python import BaseOptions, audio
from mediapipe.tasks.python.components.containers import AudioData
options = audio.AudioClassifierOptions(base_options=BaseOptions(model_asset_path=sys.argv[1]), max_results=-1)
with audio.AudioClassifier.create_from_options(options) as classifier:
    for sound in np.load(sys.argv[2]):
        (result,) = classifier.classify(AudioData.create_from_array(sound, int(sys.argv[3])))
        categories = result.classifications[0].categories
        print(json.dumps({category.category_name: category.score for category in categories}))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """Return the interpreter of an environment that has MediaPipe."""
    named = os.environ.get(VARIABLE)
    if not named and os.environ.get("CI"):
        pytest.fail(f"{VARIABLE} is not set, though this is CI")
    if not named:
        pytest.skip(f"{VARIABLE} is not set: it names the Python of an environment with `pip install mediapipe`")
    return named


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), [("gtzanet", "float32"), ("gtzanet", "int8"), ("mn04", "float32")])
def test_it_agrees(
    name: str,
    precision: str,
    python: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> None:
    if name in BACKBONES:
        request.getfixturevalue("backbones")
    base, spec = tmp_path_factory.getbasetemp(), FRONT_ENDS[name]
    if name == "gtzanet":
        folder = made_artifacts(base, name, "waveform")
    else:
        folder = tmp_path / "files"
        assert entry([str(made_run(base, name)), "--input", "waveform", "--no-speed", "--output", str(folder)]) == 0
    model = folder / f"{name}-waveform-{precision}.tflite"
    clips = [synthetic.clip(label, 2, rate=spec.sample_rate) for label in synthetic.CLASSES[:4]]
    sounds = np.stack([fitted(clip[: spec.window_samples], spec) for clip in clips])
    np.save(tmp_path / "sounds.npy", sounds)
    command = [python, "-c", CLASSIFY, str(model), str(tmp_path / "sounds.npy"), str(spec.sample_rate)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    classifier = Classifier.load(model)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(sounds)
    for answer, sound in zip(answers, sounds, strict=True):
        scores = classifier.scores(model_input(sound, classifier.card))
        assert max(answer, key=lambda label: answer[label]) == classifier.classify(sound, spec.sample_rate).label
        # MediaPipe applies no temperature, nor does it divide an int8 network's output by its sum (nearly 1).
        expected = dict(zip(classifier.labels, scores.tolist(), strict=True))
        assert answer == pytest.approx(expected, abs=1e-4 if precision == "float32" else 0.01)
