"""Synthetic sounds and inputs are what they are called, and the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from export.probes import probe_inputs, synthetic_sounds
from toolkit.frontend.features import features
from toolkit.frontend.picture import render
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE


def test_sounds_are_what_they_are_called_and_repeat() -> None:
    sounds, again = synthetic_sounds(PICTURE, 3, 440.0), synthetic_sounds(PICTURE, 3, 440.0)
    assert not sounds["silence"].any()
    assert np.abs(sounds["quiet noise"]).max() < 4e-3 < 0.9 < np.abs(sounds["loud noise"]).max() <= 1
    assert (sounds["a padded clip"] == 0).mean() > 0.8
    assert (np.abs(sounds["a clipped tone"]) == 1).mean() > 0.9
    for name in ("a tone", "a clipped tone"):
        assert np.abs(np.fft.rfft(sounds[name])).argmax() == 440 * 30
    assert all(len(sound) == 661500 and sound.dtype == np.float32 for sound in sounds.values())
    assert all(np.array_equal(sounds[name], again[name]) for name in sounds)


@pytest.mark.parametrize("name", PRESETS)
def test_probes_all_differ_and_repeat(name: str) -> None:
    spec = PRESETS[name]
    probes, again = probe_inputs(spec), probe_inputs(spec)
    dtype = np.float32 if spec.layout == "grid" else np.uint8
    same = 0 if spec.layout == "picture" else 1  # silence is a constant input
    assert len({probe.tobytes() for probe in probes.values()}) >= len(probes) - same
    assert all(probe.shape == spec.shape and probe.dtype == dtype for probe in probes.values())
    assert all(np.isfinite(probe).all() and np.array_equal(probe, again[key]) for key, probe in probes.items())
    assert {"silence", "a tone", "a clipped tone", "a padded clip"} <= set(probes)
    flat, random = ("values of", "random values") if spec.layout == "grid" else ("pixels of", "random pixels")
    assert [sum(key.startswith(start) for key in probes) for start in (flat, random)] == [3, 4]
    assert all(np.ptp(probe) == 0 for key, probe in probes.items() if key.startswith(flat))


def test_random_grids_have_the_values_that_sounds_have() -> None:
    spec = PRESETS["efficientat"]
    probes = probe_inputs(spec)
    sounds = [features(sound, spec) for sound in synthetic_sounds(spec, 1, 1000.0).values()]
    low, high = min(map(np.min, sounds)), max(map(np.max, sounds))
    assert low < high
    random = probes["random values 1"]
    assert low <= random.min() < low + 0.01 * (high - low) and high - 0.01 * (high - low) < random.max() <= high


def test_a_pictures_probes_are_rendered() -> None:
    short = replace(PICTURE, window_seconds=3.0)
    for name, sound in synthetic_sounds(short, 1, 1000.0).items():
        np.testing.assert_array_equal(probe_inputs(short)[name], render(sound, short))
