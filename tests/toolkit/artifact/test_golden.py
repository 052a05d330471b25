"""Golden inputs: the formula of ARTIFACT.md in plain Python gives the same values; each part of an input differs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from toolkit.artifact.card import feature_level
from toolkit.artifact.golden import golden_input, value_range
from toolkit.frontend.presets import PRESETS

M = 1 << 32


def value(place: tuple[int, int, int], size: tuple[int, int, int], low: float, high: float, seed: int) -> float:
    """Return one value as rule 29 of ARTIFACT.md says."""
    (r, c, k), (rows, columns, channels) = place, size
    h = (747796405 * ((r * columns + c) * channels + k) + 2891336453 * seed + 1) % M
    for _ in range(2):
        h ^= h >> 16
        h = 73244475 * h % M
    noise = (h ^ h >> 16) / M
    if rows == 1:
        phase, centre = (1 + seed % 5) * c * c / (32 * columns), 0.5
    else:
        centre = 0.25 + (r / rows + c / columns + k / channels) / 6
        phase = (1 + seed % 3) * r / rows + (1 + seed % 5) * c / columns + k / 3 + seed % 7 / 7
    wave = 1 - abs(2 * (phase - math.floor(phase)) - 1)
    contrast = (1 + seed % 4) / 4 * min(centre, 1 - centre)
    return low + (high - low) * (centre + contrast * (wave + noise - 1))


@pytest.mark.parametrize("shape", [(5, 7, 3), (4, 6, 1), (4, 6), (33,)])
@pytest.mark.parametrize("seed", [0, 1, 6, 15, 2**32 - 1])
@pytest.mark.parametrize("whole", [False, True])
def test_the_specified_formula_gives_the_same_values(shape: tuple[int, ...], seed: int, whole: bool) -> None:
    rows, columns, channels = (1, shape[0], 1) if len(shape) == 1 else (*shape, 1)[:3]
    expected = [
        value((r, c, k), (rows, columns, channels), 0.0, 255.0, seed)
        for r in range(rows)
        for c in range(columns)
        for k in range(channels)
    ]
    expected = [math.floor(number) for number in expected] if whole else expected
    made = golden_input(shape, 0.0, 255.0, seed, whole=whole)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, np.array(expected, np.float32).reshape(shape))


def test_every_channel_row_and_column_has_values_of_its_own() -> None:
    picture = golden_input((288, 432, 3), 0, 255, 3, whole=True)
    assert 0 <= picture.min() < 20 and 235 < picture.max() <= 255
    for axis in range(3):
        slices = np.moveaxis(picture, axis, 0).reshape(picture.shape[axis], -1)
        means = slices.mean(axis=1)
        assert len(np.unique(slices, axis=0)) == len(slices) and np.ptp(means) > 2


@pytest.mark.parametrize("name", PRESETS)
def test_the_range_is_one_that_a_sound_reaches(name: str) -> None:
    from toolkit.frontend.features import features

    spec = PRESETS[name]
    rng = np.random.default_rng(1)
    sound = rng.normal(0, 0.1, spec.window_samples).astype(np.float32)
    sound[: len(sound) // 2] = 0
    low, high = value_range(spec, feature_level(spec))
    seen = features(sound, spec)
    assert low < seen.min() + 0.1 * (high - low) and seen.min() >= low - 0.01 * (high - low)
    assert seen.max() <= high and seen.max() > low + 0.3 * (high - low)


def test_other_ranges() -> None:
    grid = PRESETS["log-mel"]
    assert value_range(grid, "waveform") == (-1, 1) and value_range(grid, "mel") == (-80, 0)
    assert value_range(replace(grid, normalise="clip", shift=0.0, scale=1.0), "grid") == (-2, 2)
    assert value_range(replace(grid, reference="one", normalise="none", shift=0.0, scale=1.0), "grid") == (-60, 20)
