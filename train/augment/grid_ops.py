"""Operations of known size on a batch of grids, float32 (n, bands, frames, 1): band 0 is the lowest."""

from __future__ import annotations

import tensorflow as tf

BANDS, FRAMES = 1, 2


def shift_frames(values: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
    """Return grids whose content comes `frames`, int32 (n,), later; what leaves at the end enters at the beginning."""
    count = values.shape[FRAMES]
    return _gather(values, (tf.range(count)[tf.newaxis] - frames[:, tf.newaxis]) % count, FRAMES)


def shift_bands(values: tf.Tensor, bands: tf.Tensor) -> tf.Tensor:
    """Return grids whose content lies `bands`, int32 (n,), higher; the outermost band fills the place left empty."""
    count = values.shape[BANDS]
    places = tf.range(count)[tf.newaxis] - bands[:, tf.newaxis]
    return _gather(values, tf.clip_by_value(places, 0, count - 1), BANDS)


def stretch_frames(values: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Return grids `factors`, float32 (n,), times as long, cut to their old length: frame t comes to t * factor.

    Values between frames are interpolated linearly. A shortened grid starts again at its end.
    """
    count = values.shape[FRAMES]
    positions = tf.range(count, dtype=tf.float32)[tf.newaxis] / factors[:, tf.newaxis]
    whole = tf.floor(positions)
    share = (positions - whole)[:, tf.newaxis, :, tf.newaxis]
    places = tf.cast(whole, tf.int32)
    earlier, later = (_gather(values, (places + offset) % count, FRAMES) for offset in (0, 1))
    return earlier + share * (later - earlier)


def mask(values: tf.Tensor, axis: int, starts: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
    """Return grids where `widths` places from `starts` on, both int32 (n,), hold the grid's mean."""
    places = tf.range(values.shape[axis])[tf.newaxis]
    inside = (places >= starts[:, tf.newaxis]) & (places < (starts + widths)[:, tf.newaxis])
    shape = [-1, 1, 1, 1]
    shape[axis] = values.shape[axis]
    mean = tf.reduce_mean(values, (1, 2, 3), keepdims=True)
    return tf.where(tf.reshape(inside, shape), mean, values)


def add_curve(values: tf.Tensor, curve: tf.Tensor) -> tf.Tensor:
    """Return grids to every frame of which `curve`, float32 (n, bands), is added."""
    return values + curve[:, :, tf.newaxis, tf.newaxis]


def _gather(values: tf.Tensor, places: tf.Tensor, axis: int) -> tf.Tensor:
    return tf.gather(values, places, axis=axis, batch_dims=1)
