"""`python -m export mn04 --tagger`: what the authors' code computes, from samples to scores, without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.cli import entry
from runtime import Classifier
from runtime.golden import golden_distance
from runtime.stream.sliding_window import Stream
from tests.export.pretrained.conftest import Export
from toolkit.artifact.file import read_card
from toolkit.artifact.label_files import read_labels
from train.backbones.weights import AUDIOSET_CLASSES, MN04

pytestmark = pytest.mark.slow

RATE = 32_000
SECONDS = np.arange(10 * RATE) / RATE
SOUNDS = {
    "tone": 0.3 * np.sin(2 * np.pi * 440 * SECONDS),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(10 * RATE),
    "chirp": 0.3 * np.sin(2 * np.pi * (100 * SECONDS + 300 * SECONDS**2)),
    "silence": np.zeros(10 * RATE),
}
LOGIT_TOLERANCE = 5e-4
"""Of logits from -19.5 to 0.6; the largest difference measured is 1.2e-4."""


@pytest.mark.parametrize("name", SOUNDS)
def test_samples_to_scores_are_the_authors(backbones: Path, tagger: Path, name: str) -> None:
    with np.load(backbones / "mn04_reference.npz") as reference:
        expected = reference[f"{name}_logits"].astype(np.float64)
    classifier = Classifier.load(tagger)
    scores = classifier.classify(SOUNDS[name].astype(np.float32), RATE, silence=-1e9).by_label()
    values = np.array([scores[label] for label in classifier.labels])
    np.testing.assert_allclose(np.log(values / (1 - values)), expected, atol=LOGIT_TOLERANCE)


def test_the_card_says_whose_it_is(backbones: Path, tagger: Path) -> None:
    card = read_card(tagger)
    assert card.labels == read_labels(backbones / AUDIOSET_CLASSES.file) and len(card.labels) == 527
    assert (card.activation, card.accuracy, set(card.thresholds)) == ("sigmoid", None, {0.5})
    assert (card.front_end.sample_rate, card.front_end.window_seconds) == (RATE, 10)
    assert card.origin == ("backbone", MN04.origin, "MIT", MN04.address, MN04.digest)
    assert card.licence == "MIT" and "CC BY 4.0" in card.dataset.notice
    assert card.golden and golden_distance(Classifier.load(tagger).engine, card.golden) < 1e-6


def test_a_stream_scores_as_a_file(tagger: Path) -> None:
    classifier, noise = Classifier.load(tagger), SOUNDS["noise"].astype(np.float32)
    *_, last = Stream(classifier, 2.5).push(noise)
    scores = classifier.classify(noise, RATE).by_label()
    assert last.end == last.seconds == 10 and last.probabilities
    np.testing.assert_array_equal(last.probabilities, [scores[label] for label in classifier.labels])


def test_another_window_and_format(export: Export, tagger: Path) -> None:
    """The network ends in a mean over time, so that a steady sound scores alike in both windows."""
    short = Classifier.load(
        export("mn04", "--tagger", "--window", "5", "--format", "onnx") / "mn04-tagger-float32.onnx"
    )
    assert short.card.front_end.window_seconds == 5
    noise = SOUNDS["noise"][: 5 * RATE].astype(np.float32)
    ranked = [Classifier.load(tagger).classify(SOUNDS["noise"].astype(np.float32), RATE), short.classify(noise, RATE)]
    assert ranked[0].labels[:2] == ranked[1].labels[:2]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--tagger"], "--tagger needs the name of a pretrained network: python -m export mn04 --tagger"),
        (["mn04", "--tagger", "--axes", "samples"], "--axes does not go with --tagger"),
        (["mn04", "--tagger", "--quantize"], "--quantize int8: ranges are measured on sounds: name some with --cal"),
        (["gtzanet", "--tagger"], "there is no pretrained network 'gtzanet': choose one of mn04"),
    ],
)
def test_misuse_is_one_sentence(
    flags: list[str], sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert entry([*flags, "--output", str(tmp_path / "files")]) == 2
    last = capfd.readouterr().err.rstrip().splitlines()[-1]
    assert last.startswith("python -m export: error: ") and sentence in last
    assert not (tmp_path / "files").exists()


def test_a_window_that_is_none_is_refused(backbones: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert entry(["mn04", "--tagger", "--window", "0", "--output", str(tmp_path / "files")]) == 2
    assert "window_seconds is 0.0; it must be from 0.1" in capfd.readouterr().err.rstrip().splitlines()[-1]
    assert not (tmp_path / "files").exists()


def test_weights_that_are_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / MN04.file).write_bytes(b"another file")
    monkeypatch.setenv("GTZANET_BACKBONES", str(tmp_path))
    assert entry(["mn04", "--tagger", "--output", str(tmp_path / "files")]) == 1
    assert f"not {MN04.file} (it has 12 bytes" in capfd.readouterr().err.rstrip().splitlines()[-1]
