"""Random sizes stay within their physical bounds, differ from item to item, and are a function of the seed alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train.augment.scale import GridScale

pytestmark = pytest.mark.slow

SCALE = GridScale(frames_per_second=20.0, per_decibel=2.0, floor=-60.0, ceiling=60.0, keeps_level=True)
ITEMS, BANDS, FRAMES = 256, 32, 100


def apply(transform: Any, grids: np.ndarray, seed: int = 0, scale: GridScale = SCALE) -> np.ndarray:
    import tensorflow as tf

    return transform(tf.constant(grids), scale, tf.constant((7, seed))).numpy()


def noise(items: int = ITEMS) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(items, BANDS, FRAMES, 1)).astype(np.float32)


def spike(band: int, frame: int) -> np.ndarray:
    grids = np.zeros((ITEMS, BANDS, FRAMES, 1), np.float32)
    grids[:, band, frame] = 1
    return grids


def every_transform() -> list[Any]:
    from train.augment.presets import PRESETS

    return [*PRESETS["strong"], *PRESETS["light"]]


def test_a_transform_is_a_function_of_its_seed_and_treats_each_item_its_own_way() -> None:
    for transform in every_transform():
        grids = np.repeat(noise(1), 16, axis=0)
        first, again, other = (apply(transform, grids, seed) for seed in (1, 1, 2))
        assert np.array_equal(first, again), transform
        assert not np.array_equal(first, other), transform
        assert len({grid.tobytes() for grid in first}) > 1, transform
        assert first.shape == grids.shape and first.dtype == np.float32


@pytest.mark.parametrize(("seconds", "most", "widest"), [(0.5, 0.2, 10), (5.0, 0.2, 20)])
def test_time_masks_are_as_wide_as_their_seconds_and_share_allow(seconds: float, most: float, widest: int) -> None:
    from train.augment.transforms import TimeMask

    grids = noise()
    hidden = (apply(TimeMask(seconds, 1, most), grids) != grids).all((1, 3))
    widths = hidden.sum(1)
    assert (widths.min(), widths.max()) == (0, widest)
    runs = np.diff(hidden.astype(int), axis=1, prepend=0, append=0)
    assert ((runs == 1).sum(1) == (widths > 0)).all()
    assert hidden[:, 0].any() and hidden[:, -1].any()


def test_band_masks_are_counted_and_hide_whole_bands() -> None:
    from train.augment.transforms import BandMask

    grids = noise()
    hidden = (apply(BandMask(1 / 8, 2), grids) != grids).all((2, 3))
    assert hidden.sum(1).max() == 8 and hidden.any(0).all()


def test_shifts_reach_both_bounds_and_no_further() -> None:
    from train.augment.transforms import BandShift, TimeShift

    frames = apply(TimeShift(0.25), spike(4, 50))[:, 4, :, 0].argmax(1)
    assert set(frames) == set(range(45, 56))
    frames = apply(TimeShift(60.0, most=0.1), spike(4, 50))[:, 4, :, 0].argmax(1)
    assert set(frames) == set(range(40, 61))
    bands = apply(BandShift(5), spike(10, 50))[:, :, 50, 0].argmax(1)
    assert set(bands) == set(range(5, 16))


def test_a_stretch_keeps_to_its_factors() -> None:
    from train.augment.transforms import TimeStretch

    grids = np.zeros((ITEMS, BANDS, FRAMES, 1), np.float32)
    grids[:, :, 40:] = 1
    factors = (apply(TimeStretch(0.8, 1.25), grids)[:, 0, :, 0] > 0.5).argmax(1) / 40
    assert factors.min() == pytest.approx(0.8, abs=0.03) and factors.max() == pytest.approx(1.25, abs=0.03)
    assert np.median(factors) == pytest.approx(1, abs=0.05)


def test_a_gain_moves_every_cell_alike_by_decibels() -> None:
    from train.augment.transforms import Gain

    grids = noise()
    moved = apply(Gain(6), grids) - grids
    assert np.allclose(moved, moved[:, :1, :1], atol=1e-4)
    assert moved.min() == pytest.approx(-12, abs=0.5) and moved.max() == pytest.approx(12, abs=0.5)


def test_an_equaliser_adds_one_smooth_curve_to_every_frame() -> None:
    from train.augment.transforms import Equaliser

    equaliser = Equaliser(6, 5)
    assert np.allclose(equaliser.basis(BANDS).sum(0), 1, atol=1e-6)
    grids = noise()
    added = apply(equaliser, grids) - grids
    assert np.allclose(added, added[:, :, :1], atol=1e-4)
    curve = added[:, :, 0, 0]
    assert 10 < np.abs(curve).max() <= 12.001
    steepest = 24 * np.pi / 2 * 4 / (BANDS - 1)  # from one point's bound to the next one's, along half a cosine
    assert np.abs(np.diff(curve, axis=1)).max() <= steepest


def test_values_end_at_floor_and_ceiling_and_silence_stays_silent() -> None:
    from train.augment.transforms import Equaliser, Gain

    cells = GridScale(11.1, 6.4, 0.0, 255.0, keeps_level=True)
    grids = np.random.default_rng(1).integers(0, 256, (16, BANDS, FRAMES, 1)).astype(np.float32)
    for transform in (Gain(6), Equaliser(6, 5)):
        louder = apply(transform, grids, scale=cells)
        assert (louder.min(), louder.max()) == (0, 255)
        assert (louder[grids == 0] == 0).all() and (louder[(grids > 0) & (grids < 255)] != 0).mean() > 0.8
