"""Named transforms of a batch of grids; each item's sizes are random, uniform, and a function of the seed alone.

A transform is called with values float32 (n, bands, frames, 1), their `GridScale` and a seed int32 (2,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from train.augment import grid_ops
from train.augment.scale import GridScale


class Transform(Protocol):
    """What changes a batch of grids and keeps its shape."""

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor: ...


@dataclass(frozen=True)
class TimeMask:
    """Hide `count` stretches of up to `seconds`, and of up to a share `most` of the frames, behind the grid's mean.

    Source: D. S. Park et al., "SpecAugment" (2019), whose spectrograms have the mean 0 that they mask with.
    """

    seconds: float
    count: int
    most: float = 0.2

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        frames = values.shape[grid_ops.FRAMES]
        widest = _frames(self.seconds, self.most, scale, frames)
        return _masked(values, grid_ops.FRAMES, widest, self.count, seed)


@dataclass(frozen=True)
class BandMask:
    """Hide `count` runs of up to a share `most` of the bands behind the grid's mean (SpecAugment, as `TimeMask`)."""

    most: float
    count: int

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        bands = values.shape[grid_ops.BANDS]
        return _masked(values, grid_ops.BANDS, int(self.most * bands), self.count, seed)


@dataclass(frozen=True)
class TimeShift:
    """Shift by whole frames, up to `seconds` and a share `most` of the window either way.

    The shift is circular: no sound is invented or lost, at the price of one seam.
    """

    seconds: float
    most: float = 0.25

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        furthest = _frames(self.seconds, self.most, scale, values.shape[grid_ops.FRAMES])
        return grid_ops.shift_frames(values, _integers(values, -furthest, furthest, seed))


@dataclass(frozen=True)
class BandShift:
    """Shift by up to `bands` up or down, as a recording at another pitch; the outermost band fills the gap."""

    bands: int

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        return grid_ops.shift_bands(values, _integers(values, -self.bands, self.bands, seed))


@dataclass(frozen=True)
class TimeStretch:
    """Stretch time at the same pitch by a factor from `shortest` to `longest`, uniform in its logarithm."""

    shortest: float
    longest: float

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        low, high = math.log(self.shortest), math.log(self.longest)
        return grid_ops.stretch_frames(values, tf.exp(_floats(values, (), low, high, seed)))


@dataclass(frozen=True)
class Gain:
    """Make the sound up to `decibels` louder or quieter.

    Values end at the scale's floor and ceiling; what lies at the floor is silence and stays there.
    """

    decibels: float

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        gain = _floats(values, (1,), -self.decibels, self.decibels, seed)
        return _louder(values, gain, scale)


@dataclass(frozen=True)
class Equaliser:
    """Add a smooth curve over the bands, as of another microphone or room, to every frame.

    Its `points` evenly spaced values are uniform up to `decibels` either way; half cosine waves join them. Values end
    as those of `Gain` do.
    """

    decibels: float
    points: int

    def __call__(self, values: tf.Tensor, scale: GridScale, seed: tf.Tensor) -> tf.Tensor:
        heights = _floats(values, (self.points,), -self.decibels, self.decibels, seed)
        curve = heights @ tf.constant(self.basis(values.shape[grid_ops.BANDS]))
        return _louder(values, curve, scale)

    def basis(self, bands: int) -> np.ndarray:
        """Return the weight of each point in each band, float32 (points, bands): a band's weights sum to 1."""
        positions = np.linspace(0, self.points - 1, bands)
        distances = np.minimum(np.abs(positions - np.arange(self.points)[:, np.newaxis]), 1)
        return ((1 + np.cos(np.pi * distances)) / 2).astype(np.float32)


def _louder(values: tf.Tensor, decibels: tf.Tensor, scale: GridScale) -> tf.Tensor:
    """Return grids whose bands are louder by `decibels`, float32 (n, bands) or (n, 1)."""
    louder = tf.clip_by_value(grid_ops.add_curve(values, scale.per_decibel * decibels), scale.floor, scale.ceiling)
    return tf.where(values > scale.floor, louder, values)


def _frames(seconds: float, most: float, scale: GridScale, frames: int) -> int:
    return int(min(seconds * scale.frames_per_second, most * frames))


def _masked(values: tf.Tensor, axis: int, widest: int, count: int, seed: tf.Tensor) -> tf.Tensor:
    size = values.shape[axis]
    for number in range(count):
        seeds = tf.random.experimental.stateless_split(tf.random.experimental.stateless_fold_in(seed, number))
        widths = _integers(values, 0, widest, seeds[0])
        # A mask lies wholly inside: floor(u * (size - width + 1)) is uniform over its places.
        room = tf.cast(size - widths + 1, tf.float32)
        starts = tf.cast(_floats(values, (), 0.0, 1.0, seeds[1]) * room, tf.int32)
        values = grid_ops.mask(values, axis, starts, widths)
    return values


def _integers(values: tf.Tensor, low: int, high: int, seed: tf.Tensor) -> tf.Tensor:
    """Return an int32 from `low` to `high` (included) for each item."""
    return tf.random.stateless_uniform((values.shape[0],), seed, minval=low, maxval=high + 1, dtype=tf.int32)


def _floats(values: tf.Tensor, shape: tuple[int, ...], low: float, high: float, seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform((values.shape[0], *shape), seed, minval=low, maxval=high)
