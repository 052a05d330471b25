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


def noise(n: int, seed: int) -> float:
    h = (747796405 * n + 2891336453 * seed + 1) % M
    for _ in range(2):
        h ^= h >> 16
        h = 73244475 * h % M
    return (h ^ h >> 16) / M


def value(place: tuple[int, int, int], size: tuple[int, int, int], low: float, high: float, seed: int) -> float:
    """Return one value as rule 29 of ARTIFACT.md says."""
    (r, c, k), (rows, columns, channels) = place, size
    n = (r * columns + c) * channels + k
    if rows == 1:
        phase = (1 + seed % 5) * c * c / (32 * columns)
        wave = 1 - abs(2 * (phase - math.floor(phase)) - 1)
        level = 0.5 + (1 + seed % 4) / 8 * (wave + noise(n, seed) - 1)
    else:
        band, onset = noise(r // (2 + seed % 3), seed + 1), noise(c // (3 + 3 * (seed % 4)), seed + 2)
        level = (0.25 + 0.75 * r / rows) * (0.6 * band + 0.5 * onset) * (1 - k / (3 * channels))
        level = min(1.0, max(0.0, level - 0.15 * noise(n, seed) - 0.08 * (seed % 4)))
    return low + (high - low) * level


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
    values = golden_input(shape, 0.0, 255.0, seed, whole=whole)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array(expected, np.float32).reshape(shape))


def test_every_channel_row_and_column_has_values_of_its_own() -> None:
    picture = golden_input((288, 432, 3), 0, 255, 4, whole=True)
    assert 0 <= picture.min() < 20 and 180 < picture.max() <= 255
    for axis in range(3):
        slices = np.moveaxis(picture, axis, 0).reshape(picture.shape[axis], -1)
        assert len(np.unique(slices, axis=0)) == len(slices) and np.ptp(slices.mean(axis=1)) > 10


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
