"""The front end as a TensorFlow graph of TFLite's builtin operators: what `toolkit.frontend.picture.render` does."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.front_end_rules import check_front_end, picture_margins
from export.tflite.convert import converting
from toolkit.artifact.card import input_shape
from toolkit.frontend.mel import filter_bank
from toolkit.frontend.picture import drawing, shown_bands, shown_frames
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import frame_window


def to_tflite(spec: FrontEnd, level: str) -> bytes:
    """Return a float32 TFLite model that renders the picture of a mel spectrogram or of a waveform.

    Raises `UsageError` where the front end cannot be part of a model, `ArtifactError` where the conversion fails.
    """
    import tensorflow as tf

    check_front_end(spec, level)
    render = from_waveform if level == "waveform" else from_mel
    signature = tf.TensorSpec(input_shape(spec, level), tf.float32, name=level)
    with converting():
        call = tf.function(lambda value: render(value, spec)).get_concrete_function(signature)
        return bytes(tf.lite.TFLiteConverter.from_concrete_functions([call]).convert())


def from_waveform(samples: Any, spec: FrontEnd) -> Any:
    """Return the picture, float32 (1, 288, 432, 3), of samples, float32 (1, n): a tensor for a tensor.

    n must be a multiple of the hop. Only cells that the picture shows become decibels; the power decides which cells of
    all are the loudest and the quietest.
    """
    import tensorflow as tf

    power = _mel_power(samples, spec)
    peak = _level(tf.reduce_max(power), spec)
    low = tf.maximum(_level(tf.reduce_min(power), spec) - peak, -spec.top_db)
    shown = tf.gather(power, shown_frames(int(power.shape[0])).astype(np.int32), axis=0)
    db = tf.maximum(_level(shown, spec) - peak, -spec.top_db)
    return _rendered(db, low, tf.zeros_like(low))


def from_mel(db: Any, spec: FrontEnd) -> Any:
    """Return the picture, float32 (1, 288, 432, 3), of a mel spectrogram in decibels, float32 (1, n_mels, frames)."""
    import tensorflow as tf

    cells = tf.transpose(db[0])
    shown = tf.gather(cells, shown_frames(int(cells.shape[0])).astype(np.int32), axis=0)
    return _rendered(shown, tf.reduce_min(db), tf.reduce_max(db))


def _mel_power(samples: Any, spec: FrontEnd) -> Any:
    """Return the mel power of all frames, (frames, n_mels)."""
    import tensorflow as tf

    half, hop = spec.n_fft // 2, spec.hop_length
    mode = "REFLECT" if spec.padding == "reflect" else "CONSTANT"
    hops = tf.reshape(tf.pad(samples, [[0, 0], [half, half]], mode), (-1, hop))
    parts = spec.n_fft // hop
    count = int(hops.shape[0]) - parts + 1
    frames = tf.concat([hops[part : part + count] for part in range(parts)], axis=1)
    spectrum = tf.signal.rfft(frames * frame_window(spec))
    return tf.matmul(tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum)), filter_bank(spec).T)


def _level(power: Any, spec: FrontEnd) -> Any:
    """Return 10 log10(max(amin^2, power^2)), as `toolkit.frontend.spectrogram.decibels` does."""
    import tensorflow as tf

    return tf.math.log(tf.maximum(tf.square(power), np.float32(spec.amin**2))) * np.float32(10 / np.log(10))


def _rendered(db: Any, low: Any, high: Any) -> Any:
    """Return the picture of the shown frames' decibels, (columns, n_mels), with colours from `low` to `high`."""
    import tensorflow as tf

    places, colours = drawing()
    height, width = places.shape
    spread = tf.where(high > low, high - low, tf.ones_like(high))
    index = tf.cast(tf.minimum((db - low) / spread * 256, 255), tf.int32)
    index = tf.transpose(tf.gather(index, shown_bands(int(db.shape[1])).astype(np.int32), axis=1))
    picture = tf.gather(colours.astype(np.float32), tf.pad(index, picture_margins()) + places)
    return tf.reshape(picture, (1, height, width, 3))
