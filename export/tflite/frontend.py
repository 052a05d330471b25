"""The front end as a TensorFlow graph of TFLite's builtin operators: what `toolkit.frontend.features` computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.front_end_rules import (
    DECIBELS,
    check_front_end,
    mirror,
    padding,
    picture_margins,
    reflects,
    shown_columns,
)
from export.tflite.convert import converting
from toolkit.artifact.card import input_shape
from toolkit.frontend.grid import LEAST_DEVIATION, NO_DEVIATION
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.picture import drawing, shown_bands
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import frame_window


def to_tflite(spec: FrontEnd, level: str) -> bytes:
    """Return a float32 TFLite model that computes what a network sees, from a mel spectrogram or a waveform.

    Its output is float32 (1, *spec.shape). Raises `UsageError` where the front end cannot be part of a model,
    `ArtifactError` where the conversion fails.
    """
    import tensorflow as tf

    check_front_end(spec, level)
    compute = from_waveform if level == "waveform" else from_mel
    signature = tf.TensorSpec(input_shape(spec, level), tf.float32, name=level)
    with converting():
        call = tf.function(lambda value: compute(value, spec)).get_concrete_function(signature)
        return bytes(tf.lite.TFLiteConverter.from_concrete_functions([call]).convert())


def from_waveform(samples: Any, spec: FrontEnd) -> Any:
    """Return what a network sees, float32 (1, *spec.shape), of samples, float32 (1, spec.fixed_samples).

    Of a picture only the cells that it shows become decibels; the power decides which cells of all are the loudest and
    the quietest.
    """
    import tensorflow as tf

    power = _mel_power(_frames(samples, spec), spec)  # (frames, n_mels)
    if spec.layout == "grid":
        return tf.transpose(_normalised(_logarithm(power, spec), spec))[tf.newaxis, :, :, tf.newaxis]
    peak = _level(tf.reduce_max(power), spec)
    low = tf.maximum(_level(tf.reduce_min(power), spec) - peak, -spec.top_db)
    shown = tf.gather(power, shown_columns(spec).astype(np.int32), axis=0)
    db = tf.maximum(_level(shown, spec) - peak, -spec.top_db)
    return _coloured(db, low, tf.zeros_like(low), spec)


def from_mel(db: Any, spec: FrontEnd) -> Any:
    """Return the picture or the cells of a mel spectrogram in decibels, float32 (1, n_mels, spec.fixed_frames)."""
    import tensorflow as tf

    shown = tf.gather(tf.transpose(db[0]), shown_columns(spec).astype(np.int32), axis=0)
    return _coloured(shown, tf.reduce_min(db), tf.reduce_max(db), spec)


def _frames(samples: Any, spec: FrontEnd) -> Any:
    """Return the frames, (frames, n_fft), of samples, (1, n).

    The sound is cut into hops, and a frame is joined of the hops that it begins with: a few copies of the whole sound,
    where a gather copies sample by sample.
    """
    import tensorflow as tf

    if spec.pre_emphasis:
        samples = samples[:, 1:] - np.float32(spec.pre_emphasis) * samples[:, :-1]
    mode = "REFLECT" if reflects(spec) else "CONSTANT"
    if (places := mirror(spec)) is None:
        padded = tf.pad(samples, [[0, 0], padding(spec)], mode)
    else:
        padded = tf.gather(samples, places.astype(np.int32), axis=1)
    hop, count = spec.hop_length, spec.fixed_frames
    parts = -(-spec.n_fft // hop)
    surplus = int(padded.shape[1]) - (count + parts - 1) * hop
    if surplus < 0:
        padded = tf.pad(padded, [[0, 0], [0, -surplus]])
    hops = tf.reshape(padded[:, :-surplus] if surplus > 0 else padded, (-1, hop))
    frames = tf.concat([hops[part : part + count] for part in range(parts)], axis=1)
    return frames[:, : spec.n_fft] if parts * hop > spec.n_fft else frames


def _mel_power(frames: Any, spec: FrontEnd) -> Any:
    """Return the mel bands, (frames, n_mels), of frames, (frames, n_fft)."""
    import tensorflow as tf

    spectrum = tf.signal.rfft(frames * frame_window(spec))
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return tf.matmul(tf.sqrt(power) if spec.exponent == 1 else power, filter_bank(spec).T)


def _level(power: Any, spec: FrontEnd) -> Any:
    """Return a multiple of log10(max(amin, power)): of the square where `toolkit.frontend.spectrogram.decibels` is."""
    import tensorflow as tf

    if spec.log == "db":
        return tf.math.log(tf.maximum(power, np.float32(spec.amin))) * np.float32(DECIBELS)
    return tf.math.log(tf.maximum(tf.square(power), np.float32(spec.amin**2))) * np.float32(DECIBELS)


def _logarithm(power: Any, spec: FrontEnd) -> Any:
    import tensorflow as tf

    if spec.log == "none":
        return power
    if spec.log == "ln":
        return tf.math.log(power + np.float32(spec.log_offset))
    level = _level(power, spec)
    loudest = tf.reduce_max(level)
    if spec.reference == "max":
        return tf.maximum(level - loudest, np.float32(-spec.top_db))
    return tf.maximum(level, loudest - np.float32(spec.top_db))


def _normalised(values: Any, spec: FrontEnd) -> Any:
    """Return values, (frames, n_mels), normalised; means are of rows first, which keeps their rounding small.

    The largest value is subtracted before the mean, so that equal values become zeros without rounding.
    """
    import tensorflow as tf

    if spec.normalise == "affine":
        return (values + np.float32(spec.shift)) * np.float32(spec.scale)
    if spec.normalise == "none":
        return values
    least = tf.maximum(tf.reduce_max(tf.abs(values)) * np.float32(LEAST_DEVIATION), np.float32(NO_DEVIATION))
    values -= tf.reduce_max(values)
    values -= tf.reduce_mean(tf.reduce_mean(values, axis=1))
    variance = tf.reduce_mean(tf.reduce_mean(tf.square(values), axis=1))
    return values / tf.maximum(tf.sqrt(variance), least)


def _coloured(db: Any, low: Any, high: Any, spec: FrontEnd) -> Any:
    """Return the picture or the cells of decibels, (columns, n_mels), with colours from `low` to `high`."""
    import tensorflow as tf

    spread = tf.where(high > low, high - low, tf.ones_like(high))
    index = tf.cast(tf.minimum((db - low) / spread * 256, 255), tf.int32)
    if spec.layout == "cells":
        return tf.transpose(tf.cast(index, tf.float32))[tf.newaxis, :, :, tf.newaxis]
    places, colours = drawing()
    height, width = places.shape
    index = tf.transpose(tf.gather(index, shown_bands(spec.n_mels).astype(np.int32), axis=1))
    picture = tf.gather(colours.astype(np.float32), tf.pad(index, picture_margins()) + places)
    return tf.reshape(picture, (1, height, width, 3))
