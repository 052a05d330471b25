"""A decibel of sound moves a front end's values by `per_decibel`, whatever its logarithm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import FrontEnd
from train.augment.scale import GridScale

LEVELS = {
    "log-mel": replace(PRESETS["log-mel"], reference="one"),
    "efficientat": PRESETS["efficientat"],
    "yamnet": PRESETS["yamnet"],
    "amplitude": replace(PRESETS["log-mel"], log="amplitude-db", reference="one", normalise="none"),
    "magnitude": replace(PRESETS["log-mel"], exponent=1.0, reference="one", amin=1e-5),
}


def noise(front_end: FrontEnd) -> np.ndarray:
    return np.random.default_rng(2).normal(0, 0.05, front_end.window_samples).astype(np.float32)


@pytest.mark.parametrize("name", sorted(LEVELS))
def test_values_move_by_per_decibel(name: str) -> None:
    front_end = LEVELS[name]
    scale = GridScale.of(front_end)
    quiet = features(noise(front_end), front_end)
    louder = features(noise(front_end) * np.float32(10 ** (6 / 20)), front_end)
    assert scale.keeps_level
    assert np.median(louder - quiet) == pytest.approx(6 * scale.per_decibel, rel=0.02)


@pytest.mark.parametrize("name", ["mel-grid", "log-mel"])
def test_a_front_end_that_relates_to_its_maximum_keeps_no_level(name: str) -> None:
    front_end = replace(PRESETS[name], window_seconds=2.0)
    louder = features(noise(front_end) * np.float32(4), front_end)
    assert not GridScale.of(front_end).keeps_level
    assert np.allclose(louder, features(noise(front_end), front_end), atol=1.001)


@pytest.mark.parametrize("front_end", [*LEVELS.values(), PRESETS["mel-grid"], PRESETS["log-mel"]])
def test_values_lie_between_floor_and_ceiling(front_end: FrontEnd) -> None:
    scale = GridScale.of(front_end)
    for samples in (noise(front_end), noise(front_end) * 0):
        values = features(samples, front_end)
        assert scale.floor - 1e-3 <= values.min() and values.max() <= scale.ceiling + 1e-3


def test_seconds_are_those_of_the_grid() -> None:
    assert GridScale.of(PRESETS["mel-grid"]).frames_per_second == pytest.approx(334 / 30)
    assert GridScale.of(PRESETS["yamnet"]).frames_per_second == pytest.approx(100, rel=0.03)


def test_a_picture_and_a_grid_without_logarithm_are_refused() -> None:
    with pytest.raises(UsageError, match="--augment none"):
        GridScale.of(PRESETS["gtzan-picture"])
    with pytest.raises(UsageError, match="no logarithm"):
        GridScale.of(replace(PRESETS["log-mel"], log="none", normalise="none"))
