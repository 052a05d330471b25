"""A pretrained network's files do what the others' do: on a stream, with the front end inside, on their cards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.cli import entry
from runtime import Classifier
from runtime.preprocess import model_input
from runtime.stream.sliding_window import Stream
from tests.run_maker import FRONT_ENDS, made_artifacts, made_run
from toolkit.artifact.file import read_card
from toolkit.data.synthetic import CLASSES, clip
from toolkit.frontend.windows import split_windows
from train.backbones.weights import MN04

pytestmark = pytest.mark.slow

SPEC = FRONT_ENDS["mn04"]
FILES = ("mn04-float32.tflite", "mn04-dynamic.tflite", "mn04-float32.onnx")


@pytest.fixture(scope="module")
def files(backbones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_artifacts(tmp_path_factory.getbasetemp(), "mn04")


@pytest.mark.parametrize("name", FILES)
def test_a_stream_gives_what_a_file_gives(files: Path, name: str) -> None:
    classifier = Classifier.load(files / name)
    sound = np.concatenate([clip(label, 9, seconds=3.0, rate=SPEC.sample_rate) for label in CLASSES[:3]])
    stream = Stream(classifier, 0.5)
    heard = [item for piece in np.array_split(sound, 17) for item in stream.push(piece)]
    whole = 0
    for item in heard:
        if item.seconds < SPEC.window_seconds:
            continue
        end = round(item.end * SPEC.sample_rate)
        (window,) = split_windows(sound[end - SPEC.window_samples : end], SPEC)
        expected = classifier.probabilities(model_input(window, classifier.card))
        np.testing.assert_array_equal(np.array(item.probabilities), expected)
        whole += 1
    assert whole >= 10


def test_cards_say_whose_network_it_is(files: Path) -> None:
    for path in files.iterdir():
        origin = read_card(path).origin
        assert (origin.kind, origin.licence, origin.digest) == ("backbone", "MIT", MN04.digest)


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_with_its_front_end_inside_it_gives_the_same_scores(
    files: Path, format: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = made_run(tmp_path_factory.getbasetemp(), "mn04")
    options = ["--input", "waveform", "--format", format, "--output", str(tmp_path)]
    assert entry([str(run), *options]) == 0
    whole = Classifier.load(tmp_path / f"mn04-waveform-float32.{format}")
    alone = Classifier.load(files / f"mn04-float32.{format}")
    assert whole.card.input_level == "waveform"
    for label in CLASSES[:4]:
        sound = clip(label, 9, seconds=SPEC.window_seconds, rate=SPEC.sample_rate)
        pair = [classifier.classify(sound, SPEC.sample_rate) for classifier in (whole, alone)]
        assert pair[0].label == pair[1].label
        assert pair[0].probabilities == pytest.approx(pair[1].probabilities, abs=1e-3)
