"""edgenet: a small network for a grid of any size.

Four blocks of a 3x3 convolution, batch normalisation, ReLU and a 2x2 pool; then the mean over the bands, and the mean
over time plus the maximum over time, as in PANNs (Q. Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks
for Audio Pattern Recognition", IEEE/ACM TASLP 28, 2020, section III).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras

FILTERS = (24, 48, 96, 128)
MOMENTUM = 0.9
"""Of the moving statistics: they follow within two dozen steps, so that a short training is judged fairly."""


def build(shape: tuple[int, int, int], classes: int) -> tf_keras.Model:
    """Return the model for an input of `shape` (bands, frames, 1); 165,000 parameters for ten classes.

    The normalisation of the input takes cells of 0 to 255 and decibels alike. It has one mean and one variance: with
    one of each band, a band that is silent in training would be blown up wherever it is not.
    """
    import tf_keras

    layers = tf_keras.layers
    inputs = layers.Input(shape, name="input")
    x = layers.BatchNormalization(momentum=MOMENTUM, center=False, scale=False, name="norm0")(inputs)
    for number, filters in enumerate(FILTERS, 1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        x = layers.MaxPool2D(2, padding="same", name=f"pool{number}")(x)  # (bands / 2, frames / 2, filters)
    x = layers.AveragePooling2D((x.shape[1], 1), name="bands")(x)  # (1, frames, 128)
    x = layers.Add(name="time")(
        [layers.GlobalAveragePooling2D(name="mean")(x), layers.GlobalMaxPooling2D(name="max")(x)]
    )
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(classes, name="dense")(x)
    scores = layers.Activation("softmax", dtype="float32", name="scores")(x)
    return tf_keras.Model(inputs, scores, name="edgenet")
