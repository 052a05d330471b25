"""The classifier: windows, rates, probabilities, and that the card alone decides the front end."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from runtime import Classifier, Prediction
from runtime.classifier import _timings_ms
from toolkit.audio.decode import load
from toolkit.errors import AudioError, EngineError, UsageError
from toolkit.frontend.picture import render
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import split_windows


@pytest.fixture(scope="module", params=["float32", "int8"])
def classifier(artifacts: Path, request: pytest.FixtureRequest) -> Classifier:
    return Classifier.load(artifacts / f"gtzanet-{request.param}.tflite", threads=1)


def test_prediction_is_ranked_and_adds_up_to_one(classifier: Classifier, sound: Path) -> None:
    prediction = classifier.classify(sound)
    assert isinstance(prediction, Prediction)
    assert sorted(prediction.labels) == sorted(classifier.labels)
    assert list(prediction.probabilities) == sorted(prediction.probabilities, reverse=True)
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-12)
    assert prediction.label == prediction.labels[0] == next(iter(prediction.by_label()))
    (window,) = prediction.windows
    assert (window.start, window.end) == (0, 30) and window.probabilities == prediction.probabilities
    assert prediction.model == f"gtzanet-{classifier.card.precision}"
    times = prediction.timings_ms
    assert list(times) == ["read", "resample", "front_end", "network", "post", "total"]
    assert times["total"] == pytest.approx(sum(times.values()) / 2, abs=1e-9)


def test_file_samples_and_picture_give_the_same(classifier: Classifier, sound: Path) -> None:
    samples = load(sound, PICTURE.sample_rate)
    from_file = classifier.classify(sound).by_label()
    assert classifier.classify(str(sound)).by_label() == from_file
    assert classifier.classify(samples, rate=22050).by_label() == from_file
    picture = classifier.classify_picture(render(samples, classifier.card.front_end))
    assert picture.dtype == np.float32
    for label, probability in zip(classifier.labels, picture, strict=True):
        assert probability == pytest.approx(from_file[label], abs=1e-6)


def test_stereo_samples_at_another_rate_are_the_same_sound(classifier: Classifier, sound: Path, tmp_path: Path) -> None:
    samples = load(sound, PICTURE.sample_rate)
    fast = soxr.resample(samples, 22050, 44100, quality="HQ")
    stereo = np.stack([fast * 1.2, fast * 0.8], axis=1).astype(np.float32)
    expected = classifier.classify(samples, rate=22050).by_label()
    prediction = classifier.classify(stereo, rate=44100)
    soundfile.write(tmp_path / "stereo.wav", stereo, 44100, subtype="FLOAT")
    assert classifier.classify(tmp_path / "stereo.wav").by_label() == prediction.by_label()
    for label, probability in prediction.by_label().items():
        assert probability == pytest.approx(expected[label], abs=0.05)


def test_a_long_sound_is_the_mean_of_its_windows(classifier: Classifier) -> None:
    rng = np.random.default_rng(1)
    quiet = np.sin(np.arange(40 * 22050) * 0.05).astype(np.float32) * 0.2
    samples = np.concatenate([quiet, rng.uniform(-1, 1, 35 * 22050).astype(np.float32)])
    prediction = classifier.classify(samples, rate=22050)
    windows = split_windows(samples)
    assert [(window.start, window.end) for window in prediction.windows] == [(0, 30), (22.5, 52.5), (45, 75)]
    each = [classifier.classify(window, rate=22050).by_label() for window in windows]
    assert each[0] != each[2]
    for alone, window in zip(each, prediction.windows, strict=True):
        assert [alone[label] for label in prediction.labels] == pytest.approx(window.probabilities, abs=1e-12)
    for label, probability in prediction.by_label().items():
        assert probability == pytest.approx(np.mean([one[label] for one in each]), abs=1e-9)


@pytest.mark.parametrize("seconds", [0.05, 1, 29.9, 30.6])
def test_short_and_nearly_whole_sounds_are_one_window(classifier: Classifier, seconds: float) -> None:
    samples = np.sin(np.arange(int(seconds * 22050)) * 0.1).astype(np.float32)
    (window,) = classifier.classify(samples, rate=22050).windows
    assert (window.start, window.end) == (0, len(samples) / 22050)


def test_silence_gives_probabilities(classifier: Classifier) -> None:
    prediction = classifier.classify(np.zeros(30 * 22050, np.float32), rate=22050)
    assert np.isfinite(prediction.probabilities).all()
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.float32),
        np.array([0.1, np.nan], np.float32),
        np.zeros(99, np.int16),
        np.zeros((2, 2, 2), np.float32),
    ],
)
def test_samples_that_are_no_sound_are_refused(classifier: Classifier, samples: Any) -> None:
    with pytest.raises(AudioError):
        classifier.classify(samples, rate=22050)


def test_a_rate_belongs_to_samples_and_only_to_them(classifier: Classifier, sound: Path) -> None:
    with pytest.raises(UsageError, match="samples need their rate"):
        classifier.classify(np.zeros(999, np.float32))
    with pytest.raises(UsageError, match="a sound file has its own"):
        classifier.classify(sound, rate=44100)


class Stub:
    """An engine with given scores and a given card."""

    name, threads = "stub", 1

    def __init__(self, card: Any, scores: list[float]) -> None:
        self.card, self.scores = card, scores

    def run(self, batch: Any) -> Any:
        return np.array([self.scores] * len(batch), np.float32)


@pytest.mark.parametrize("scores", [[np.nan, 0, 0, 1], [0, 0, 0, 0], [-0.5, 0.5, 0.5, 0.5], [np.inf, 0, 0, 0]])
def test_scores_that_are_no_probabilities_are_refused(classifier: Classifier, scores: list[float]) -> None:
    with pytest.raises(EngineError, match="no probabilities"):
        Classifier(Stub(classifier.card, scores)).classify_picture(np.zeros((288, 432, 3), np.uint8))


def test_equal_scores_rank_in_label_order(classifier: Classifier, sound: Path) -> None:
    assert Classifier(Stub(classifier.card, [1, 1, 1, 1])).classify(sound).labels == classifier.labels


def test_the_cards_front_end_is_used(classifier: Classifier) -> None:
    """A card with ten-second windows cuts the same sound into more of them."""
    spec = dataclasses.replace(classifier.card.front_end, window_seconds=10.0)
    stub = Stub(dataclasses.replace(classifier.card, front_end=spec), [0.1, 0.2, 0.3, 0.4])
    windows = Classifier(stub).classify(np.zeros(30 * 22050, np.float32), rate=22050).windows
    assert [window.end for window in windows] == [10, 20, 30]


def test_the_cards_temperature_is_used(classifier: Classifier) -> None:
    picture = np.zeros((288, 432, 3), np.uint8)
    scores = [0.7, 0.1, 0.1, 0.1]
    for temperature, expected in ((1.0, 0.7), (2.0, 0.7**0.5 / (0.7**0.5 + 3 * 0.1**0.5)), (0.5, 0.49 / 0.52)):
        stub = Classifier(Stub(dataclasses.replace(classifier.card, temperature=temperature), scores))
        assert stub.classify_picture(picture)[0] == pytest.approx(expected, abs=1e-6)
        assert stub.scores(picture) == pytest.approx(scores, abs=1e-6)


def test_threads_may_share_a_classifier(classifier: Classifier) -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (6, 288, 432, 3)).astype(np.uint8)
    alone = [classifier.classify_picture(picture).tolist() for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert [
                probabilities.tolist() for probabilities in pool.map(classifier.classify_picture, pictures)
            ] == alone


def test_stages_are_told_apart(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "fast.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 20 * 48000), 48000)
    times = classifier.classify(path).timings_ms
    assert min(times[name] for name in ("read", "resample", "front_end", "network")) > 0 and times["post"] >= 0
    sample_times = classifier.classify(np.zeros(22050, np.float32), rate=22050).timings_ms
    assert sample_times["read"] == 0


def test_times_are_microseconds_and_add_up() -> None:
    times = _timings_ms({"read": 0.0012344, "network": 0.0104996}, 0.0127)
    assert times == {"read": 1.234, "network": 10.5, "post": 0.966, "total": 12.7}
