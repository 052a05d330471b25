"""Operations of known size move exactly what they say, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

BANDS, FRAMES = 12, 40


def peaks(*places: tuple[int, int]) -> np.ndarray:
    """Return a grid for each place (band, frame): 1 there and 0 elsewhere."""
    grids = np.zeros((len(places), BANDS, FRAMES, 1), np.float32)
    for number, (band, frame) in enumerate(places):
        grids[number, band, frame] = 1
    return grids


def place_of(grid: np.ndarray) -> tuple[int, int]:
    band, frame = np.unravel_index(grid[..., 0].argmax(), (BANDS, FRAMES))
    return int(band), int(frame)


def tensor(*values: float, whole: bool = True) -> Any:
    import tensorflow as tf

    return tf.constant(values, tf.int32 if whole else tf.float32)


def test_a_time_shift_moves_a_peak_by_whole_frames_and_around_the_end() -> None:
    from train.augment.grid_ops import shift_frames

    shifted = shift_frames(peaks((3, 10), (3, 10), (5, 38)), tensor(7, -4, 5)).numpy()
    assert [place_of(grid) for grid in shifted] == [(3, 17), (3, 6), (5, 3)]
    assert shifted.sum() == 3


def test_a_band_shift_moves_a_peak_and_repeats_the_outermost_band() -> None:
    from train.augment.grid_ops import shift_bands

    shifted = shift_bands(peaks((3, 10), (3, 10), (11, 4)), tensor(5, -2, -3)).numpy()
    assert [place_of(grid) for grid in shifted] == [(8, 10), (1, 10), (8, 4)]
    assert shifted[0].sum() == shifted[1].sum() == 1
    assert shifted[2, :, 4, 0].tolist() == [0.0] * 8 + [1.0] * 4


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_a_stretch_brings_an_onset_to_its_time_multiplied_by_the_factor(factor: float) -> None:
    from train.augment.grid_ops import stretch_frames

    onset = 20
    grids = np.zeros((1, BANDS, FRAMES, 1), np.float32)
    grids[:, :, onset:] = 1
    stretched = stretch_frames(grids, tensor(factor, whole=False)).numpy()[0, 0, :, 0]
    first = np.flatnonzero(stretched >= 0.999)[0]
    assert first == round(onset * factor)
    if factor < 1:  # the beginning, which is silent, follows the end
        assert stretched[round(FRAMES * factor) :].tolist() == [0.0] * (FRAMES - round(FRAMES * factor))


def test_a_stretch_interpolates_a_ramp() -> None:
    from train.augment.grid_ops import stretch_frames

    ramp = np.broadcast_to(np.arange(FRAMES, dtype=np.float32)[:, np.newaxis], (1, BANDS, FRAMES, 1))
    stretched = stretch_frames(ramp, tensor(1.25, whole=False)).numpy()
    assert np.allclose(stretched[0, 4, :, 0], np.arange(FRAMES) / 1.25, atol=1e-5)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_mask_hides_its_places_behind_the_mean(axis: int) -> None:
    from train.augment.grid_ops import mask

    grids = np.random.default_rng(1).normal(size=(2, BANDS, FRAMES, 1)).astype(np.float32)
    masked = np.moveaxis(mask(grids, axis, tensor(2, 5), tensor(3, 0)).numpy(), axis, 1)
    before = np.moveaxis(grids, axis, 1)
    assert np.allclose(masked[0, 2:5], grids[0].mean(), atol=1e-6)
    assert np.array_equal(masked[0, :2], before[0, :2]) and np.array_equal(masked[0, 5:], before[0, 5:])
    assert np.array_equal(masked[1], before[1])
