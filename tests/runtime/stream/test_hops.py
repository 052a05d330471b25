"""A stream moves on by its front end's own frames, for every preset, and its windows are those of files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from runtime.classifier import Classifier
from runtime.stream.sliding_window import Stream
from tests.cards import example_card
from toolkit.artifact.card import feature_level, input_shape
from toolkit.artifact.card_sections import TensorCard
from toolkit.audio.decode import load
from toolkit.data import synthetic
from toolkit.data.synthetic_voices import RATE
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.windows import split_windows


class Eye:
    """An engine that keeps what it sees."""

    name, threads = "eye", 1

    def __init__(self, name: str) -> None:
        spec = PRESETS[name]
        if spec.window_seconds < 1:
            spec = dataclasses.replace(spec, window_seconds=2 * spec.window_seconds)
        level = feature_level(spec)
        tensor = TensorCard("float32", input_shape(spec, level), "NHWC", None, None)
        self.card = dataclasses.replace(example_card(), front_end=spec, input_level=level, input=tensor)
        self.seen: list[Any] = []

    def run(self, batch: Any) -> Any:
        self.seen.append(batch[0].copy())
        return np.array([[0.25, 0.75]], np.float32)


@pytest.mark.parametrize("name", PRESETS)
def test_a_hop_of_a_second_is_one_and_its_windows_are_a_files(name: str, tmp_path: Path) -> None:
    eye = Eye(name)
    spec = eye.card.front_end
    opened = Stream(Classifier(eye), 1.0)
    assert abs(opened.hop_seconds - 1) < spec.hop_length / spec.sample_rate, "a frame"
    assert round(opened.hop_seconds * spec.sample_rate) % spec.hop_length == 0
    seconds = spec.window_seconds + 3.2
    sound = np.resize(synthetic.clip(synthetic.CLASSES[3], 1), round(seconds * RATE))
    path = tmp_path / "sound.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    samples = load(path, spec.sample_rate)
    heard = [item for piece in np.array_split(samples, 29) for item in opened.push(piece)]
    whole = [place for place, item in enumerate(heard) if item.end >= spec.window_seconds]
    assert len(whole) >= 3
    assert np.allclose(np.diff([heard[place].end for place in whole]), opened.hop_seconds)
    for place in whole:
        end = round(heard[place].end * spec.sample_rate)
        soundfile.write(path, samples[end - spec.window_samples : end], spec.sample_rate, subtype="FLOAT")
        (window,) = split_windows(load(path, spec.sample_rate), spec)
        np.testing.assert_array_equal(eye.seen[place], features(window, spec))
