"""The public pictures as windows of a grid: times, decibels and the reference are those of the sound itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.audio.decode import load
from toolkit.frontend.features import features
from toolkit.frontend.picture import cells_in, read_png, render
from toolkit.frontend.picture_grid import grids_in, is_shown
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE

SPEC = PRESETS["mel-columns"]
FIRST_FRAME = 7 * PICTURE.hop_length
"""The sample of the first column that does not lie under the picture's frame."""


def chord(seconds: float) -> np.ndarray:
    """Return tones that come and go every ten seconds, and noise 20 dB below."""
    t = np.arange(int(seconds * 22_050)) / 22_050
    tones = sum(np.sin(2 * np.pi * f * t) * (1 + np.sin(0.2 * np.pi * t + f)) / 2 for f in (220.0, 700.0, 2_500.0))
    mixed = 0.2 * tones + 0.02 * np.random.default_rng(1).standard_normal(len(t))
    return mixed.astype(np.float32)


def decibels_apart(shown: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Return the differences of two windows in decibels, but for the frames beside their ends, which are padded."""
    return np.abs(shown - heard)[:, 2:-2] / SPEC.scale


def test_a_picture_shows_what_the_front_end_hears() -> None:
    samples = chord(30)
    shown = grids_in(render(samples), SPEC)
    assert shown.shape == (6, *SPEC.shape) and shown.dtype == np.float32
    for number, start in enumerate(np.linspace(0, 278, 6).round().astype(int)[:5]):
        first = start * SPEC.hop_length + FIRST_FRAME
        heard = features(samples[first : first + SPEC.window_samples], SPEC)
        tones = heard.mean(1)[:, 0] > np.quantile(heard.mean(1)[:, 0], 0.9)
        apart = decibels_apart(shown[number], heard)[tones]
        assert np.median(apart) < 1.5


def test_each_window_relates_to_its_own_maximum() -> None:
    samples = chord(30)
    samples[: 10 * 22_050] *= 0.32
    shown = grids_in(render(samples), SPEC)
    np.testing.assert_allclose(shown.max((1, 2, 3)), SPEC.shift * SPEC.scale, rtol=1e-6)
    low, high = (np.median(window) / SPEC.scale for window in (shown[0], shown[5]))
    assert abs(low - high) < 5  # of the 20 that 10 dB of power are in these decibels


def test_windows_follow_the_hop() -> None:
    samples = chord(30)
    cells = cells_in(render(samples), SPEC.n_mels)[:, :, 0] * np.float32(80 / 256)
    dense = grids_in(render(samples), replace(SPEC, hop_seconds=1.0))
    assert len(dense) == 26
    for number in (0, 9, 24):
        start = round(number * 22_050 / SPEC.hop_length)
        window = cells[:, start : start + 56]
        decibels = np.maximum(window - window.max(), -SPEC.top_db)
        np.testing.assert_allclose(dense[number, :, :, 0], (decibels + SPEC.shift) * SPEC.scale, atol=1e-5)


def test_which_front_ends_pictures_show() -> None:
    assert is_shown(SPEC) and is_shown(replace(SPEC, window_seconds=10.0, hop_seconds=2.5))
    assert not is_shown(replace(SPEC, window_seconds=31.0)) and not is_shown(replace(SPEC, n_mels=64))
    assert not any(is_shown(spec) for name, spec in PRESETS.items() if name != "mel-columns")


@pytest.mark.gtzan
def test_the_public_pictures_show_what_is_heard(gtzan_root: Path) -> None:
    """Spectra of 5 s, averaged over time: single frames of music differ as they begin up to 12 ms apart."""
    apart = []
    for clip in sorted((gtzan_root / "genres_original").glob("*/*.flac"))[::7]:
        name = clip.stem.replace(".", "")
        shown = grids_in(read_png(gtzan_root / "images_original" / clip.parent.name / f"{name}.png"), SPEC)
        samples = load(clip, PICTURE.sample_rate)[FIRST_FRAME:]
        heard = features(samples[: SPEC.window_samples], SPEC)
        apart.append(np.median(np.abs((shown[0] - heard).mean(1))) / SPEC.scale)
    assert len(apart) == 8 and np.median(apart) < 2
