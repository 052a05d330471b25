"""librosa beside the front ends: it computes what they do, so that their times can stand beside each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.measure import frontend
from tests.toolkit import sounds
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spectrogram import db_mel

GRIDS = {name: spec for name, spec in PRESETS.items() if spec.layout == "grid"}
GRIDS["of no loudness"] = replace(GRIDS["log-mel"], normalise="clip", shift=0.0, scale=1.0)


@pytest.mark.parametrize("name", GRIDS)
def test_librosa_computes_the_same_grid(name: str) -> None:
    pytest.importorskip("librosa")
    spec = GRIDS[name]
    window = np.resize(sounds.music(1, 10), spec.window_samples)
    theirs = frontend.librosa_features(spec)
    assert theirs is not None
    np.testing.assert_allclose(theirs(window), features(window, spec)[:, :, 0], rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", ["gtzan-picture", "mel-grid"])
def test_librosa_computes_a_pictures_decibels(name: str) -> None:
    librosa = pytest.importorskip("librosa")
    sound = sounds.music(2, 5)
    theirs = frontend.librosa_features(PRESETS[name])
    assert theirs is not None
    power = librosa.feature.melspectrogram(y=sound, sr=22_050, pad_mode="reflect")
    np.testing.assert_allclose(theirs(sound), librosa.amplitude_to_db(power, ref=np.max), rtol=0, atol=1e-4)
    np.testing.assert_allclose(theirs(sound), db_mel(sound), rtol=0, atol=1e-4)


def test_both_are_timed_in_the_same_rounds() -> None:
    pytest.importorskip("librosa")
    spec = PRESETS["yamnet"]
    row = frontend.measure_speed("yamnet", spec, [sounds.noise(0)[: spec.window_samples]], repeats=3)
    assert (row.front_end, row.result, row.windows) == ("yamnet", "64 x 96", 1)
    assert row.librosa is not None and row.ratio is not None and min(row.ours.count, row.librosa.count) >= 3
    assert 0 < row.ratio.low <= row.ratio.median <= row.ratio.high


def test_without_librosa_the_front_end_is_timed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "librosa_features", lambda spec: None)
    row = frontend.measure_speed("yamnet", PRESETS["yamnet"], [np.zeros(15_600, np.float32)], repeats=1)
    assert row.ours.count >= 1 and row.librosa is None and row.ratio is None
