"""Small Keras models as others build them, for either Keras, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LABELS = ("bark", "horn", "rain", "saw")
BANDS, FRAMES, SAMPLES = 64, 63, 16_000
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
        value = tf.math.log(tf.abs(tf.signal.stft(source, 512, 256, 512)) + 1e-2)[..., None]
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
    """Return the model with a softmax over the labels; its weights are random, those of batch normalisation too."""
    model = k.Model(source, k.layers.Dense(len(LABELS), activation="softmax", name="scores")(value))
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, *_ = layer.get_weights()
            spread = [rng.normal(1, 0.2, gamma.shape) for _ in range(4)]
            layer.set_weights([spread[0], spread[1] - 1, spread[2] - 1, np.abs(spread[3])])
        elif layer.name == "scores":
            kernel, bias = layer.get_weights()
            layer.set_weights([rng.normal(0, 1, kernel.shape), rng.normal(0, 0.1, bias.shape)])
    return model


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


def write_sounds(folder: Path, count: int = 3, seconds: float = 1.0) -> Path:
    """Write noises and tones, a second each, in a folder per label."""
    import soundfile

    rng = np.random.default_rng(5)
    for number, label in enumerate(LABELS):
        (folder / label).mkdir(parents=True)
        for place in range(count):
            time = np.arange(int(16_000 * seconds)) / 16_000
            tone = np.sin(2 * np.pi * (200 * 2**number + 20 * place) * time)
            sound = 0.4 * tone + 0.05 * (number + 1) * rng.normal(size=len(time))
            soundfile.write(folder / label / f"{place}.wav", sound.astype(np.float32), 16_000)
    return folder
