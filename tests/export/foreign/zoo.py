"""Small Keras models as others build them, for either Keras, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS

LABELS = ("bark", "horn", "rain", "saw")
BANDS, FRAMES, SAMPLES, COUNT = 64, 63, 16_000, 3
FRONT_END = ("--front-end", "log-mel", "--window", "1")
"""64 bands by 63 frames of 16,000 samples."""


def depthwise_separable(k: Any) -> Any:
    layers = k.layers
    value = source = layers.Input((BANDS, FRAMES, 1))
    value = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(value)
    value = layers.ReLU()(layers.BatchNormalization()(value))
    value = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name="depth")(value)
    value = layers.ReLU(6.0)(layers.BatchNormalization()(value))
    value = layers.SeparableConv2D(16, 3, padding="same", activation="relu", name="separable")(value)
    return _headed(k, source, layers.GlobalAveragePooling2D()(value))


def residual(k: Any) -> Any:
    layers = k.layers
    value = source = layers.Input((BANDS, FRAMES, 1))
    value = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(value)
    for filters in (8, 16):
        shortcut = layers.Conv2D(filters, 1, 2)(value)
        value = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(value)
        value = layers.Conv2D(filters, 3, padding="same")(value)
        value = layers.Activation("relu")(layers.Add()([shortcut, value]))
    return _headed(k, source, layers.GlobalAveragePooling2D()(value))


def mobilenet_v3(k: Any) -> Any:
    layers = k.layers

    def hard_swish(value: Any) -> Any:
        gate = layers.Rescaling(1 / 6)(layers.ReLU(6.0)(layers.Rescaling(1.0, 3.0)(value)))
        return layers.Multiply()([value, gate])

    value = source = layers.Input((BANDS, FRAMES, 1))
    value = hard_swish(layers.BatchNormalization()(layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(value)))
    value = hard_swish(layers.BatchNormalization()(layers.Conv2D(16, 1, use_bias=False)(value)))
    value = layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)(value)
    value = hard_swish(layers.BatchNormalization()(value))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(value)
    excited = layers.Conv2D(16, 1, activation="hard_sigmoid")(layers.Conv2D(4, 1, activation="relu")(squeezed))
    value = layers.Multiply()([value, excited])
    return _headed(k, source, layers.GlobalAveragePooling2D()(value))


def convolution_1d(k: Any) -> Any:
    layers = k.layers
    value = source = layers.Input((FRAMES, BANDS))
    for filters in (16, 16):
        value = layers.MaxPooling1D(2)(layers.Conv1D(filters, 5, activation="relu")(value))
    return _headed(k, source, layers.GlobalAveragePooling1D()(value))


def gru(k: Any) -> Any:
    source = k.layers.Input((FRAMES, BANDS))
    return _headed(k, source, k.layers.GRU(16, name="memory")(source))


def attention(k: Any) -> Any:
    layers = k.layers
    source = layers.Input((FRAMES, BANDS))
    value = layers.Dense(16)(source)
    value = layers.Add()([value, layers.MultiHeadAttention(2, 8, name="attention")(value, value)])
    return _headed(k, source, layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(value)))


def normalised(k: Any) -> Any:
    layers = k.layers
    source = layers.Input((BANDS, FRAMES, 1))
    value = layers.Conv2D(8, 5, 2, activation="relu")(layers.BatchNormalization()(source))
    value = layers.Flatten()(layers.MaxPooling2D(4)(layers.Dropout(0.3)(value)))
    value = layers.Activation("relu")(layers.BatchNormalization()(layers.Dense(16)(value)))
    return _headed(k, source, value)


def waveform(k: Any) -> Any:
    layers = k.layers
    if k.__name__ == "tf_keras":
        import tensorflow as tf

        source = layers.Input((SAMPLES,))
        value = tf.math.log(tf.abs(tf.signal.stft(source, 512, 256, 512)) + 1e-2)
    else:
        source = layers.Input((SAMPLES, 1))
        value = layers.STFTSpectrogram("magnitude", frame_length=512, frame_step=256, fft_length=512)(source)
    value = layers.Reshape((*value.shape[1:], 1))(value)
    value = layers.Conv2D(8, 3, 2, activation="relu")(value)
    return _headed(k, source, layers.GlobalAveragePooling2D()(value))


ZOO: dict[str, Callable[[Any], Any]] = {
    builder.__name__: builder
    for builder in (
        depthwise_separable,
        residual,
        mobilenet_v3,
        convolution_1d,
        gru,
        attention,
        normalised,
        waveform,
    )
}


def _headed(k: Any, source: Any, value: Any) -> Any:
    """Return the model with a softmax over the labels, trained on `sounds`: rounding would move near ties."""
    model = k.Model(source, k.layers.Dense(len(LABELS), activation="softmax", name="scores")(value))
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.momentum = 0.8  # few steps have to be enough
    model.compile(k.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    labels = np.repeat(np.arange(len(LABELS)), COUNT)
    model.fit(_inputs(tuple(source.shape[1:])), labels, batch_size=len(labels), epochs=40, verbose=0)
    return model


def _inputs(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return what a network with this input sees of `sounds`."""
    spec = replace(PRESETS["log-mel"], window_seconds=1.0)
    clips = [sound for label in LABELS for sound in sounds(label)]
    if shape[0] == SAMPLES:
        return np.stack(clips).reshape(-1, *shape)
    grids = np.stack([features(clip, spec)[..., 0] for clip in clips])
    return (grids if shape[0] == BANDS else grids.transpose(0, 2, 1)).reshape(-1, *shape)


def sounds(label: str) -> list[NDArray[np.float32]]:
    """Return noisy tones of a label, a second each."""
    number = LABELS.index(label)
    rng = np.random.default_rng(number)
    time = np.arange(SAMPLES) / SAMPLES
    tones = [np.sin(2 * np.pi * (200 * 2**number + 20 * place) * time) for place in range(COUNT)]
    return [(0.4 * tone + 0.05 * (number + 1) * rng.normal(size=SAMPLES)).astype(np.float32) for tone in tones]


def keras_of(name: str) -> Any:
    """Return the package "tf_keras" or "keras", with TensorFlow behind it."""
    import importlib
    import os

    from export.keras import load_tensorflow

    os.environ["KERAS_BACKEND"] = "tensorflow"
    load_tensorflow()
    return importlib.import_module(name)


def saved(folder: Path, package: str, builder: Callable[[Any], Any], suffix: str = ".keras") -> Path:
    """Save a model that `builder` makes with a package, and return its path."""
    k = keras_of(package)
    k.utils.set_random_seed(3)
    path = folder / f"{builder.__name__}{suffix}"
    builder(k).save(path)
    return path


def labels_file(folder: Path, labels: tuple[str, ...] = LABELS) -> Path:
    path = folder / "labels.txt"
    path.write_text("\n".join(labels) + "\n")
    return path


def write_sounds(folder: Path) -> Path:
    """Write `sounds` in a folder per label."""
    import soundfile

    for label in LABELS:
        (folder / label).mkdir(parents=True)
        for place, sound in enumerate(sounds(label)):
            soundfile.write(folder / label / f"{place}.wav", sound, SAMPLES)
    return folder
