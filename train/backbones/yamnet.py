"""YAMNet: MobileNet v1 on mel grids, pretrained on AudioSet.

Sources: M. Plakal, D. Ellis, "YAMNet" (tensorflow/models, research/audioset/yamnet, 2020); A. Howard et al.,
"MobileNets" (2017), table 1. The authors' network sees (frames, bands), this one (bands, frames): every kernel is
transposed. Batch normalisation is part of the published convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tf_keras
from numpy.typing import NDArray
from tf_keras import layers

from toolkit.errors import DatasetError

FEATURES, HEAD, TAGS = "features", "head", 521
STEM = 32
EPSILON, NORMALISATION = 1e-4, ("beta", "moving_mean", "moving_variance")
"""Of the published batch normalisation."""


class Block(NamedTuple):
    """A depthwise separable convolution: 3 x 3 for each channel, then 1 x 1 to `filters`, each with ReLU."""

    stride: int
    filters: int


BLOCKS = (
    #                 bands x frames x channels, of 64 x 96 x 1
    #                 32 x 48 x 32 after the stem
    Block(1, 64),  #  32 x 48 x 64
    Block(2, 128),  # 16 x 24 x 128
    Block(1, 128),
    Block(2, 256),  #  8 x 12 x 256
    Block(1, 256),
    Block(2, 512),  #  4 x 6 x 512
    Block(1, 512),
    Block(1, 512),
    Block(1, 512),
    Block(1, 512),
    Block(1, 512),
    Block(2, 1024),  # 2 x 3 x 1024
    Block(1, 1024),
)


def build(shape: tuple[int, int, int], classes: int) -> tf_keras.Model:
    """Return the features with a head: float32 (n, bands, frames, 1) to probabilities (n, classes)."""
    source, features = _features(shape)
    logits = layers.Dense(classes, name=HEAD)(features)
    return tf_keras.Model(source, layers.Activation("softmax", dtype="float32", name="scores")(logits), name="yamnet")


def tagger(shape: tuple[int, int, int]) -> tf_keras.Model:
    """Return the whole network: float32 (n, bands, frames, 1) to the scores of its 521 classes, each 0 to 1."""
    source, features = _features(shape)
    return tf_keras.Model(source, layers.Dense(TAGS, "sigmoid", name="tags")(features), name="yamnet")


def _features(shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return the input and the mean over bands and frames of the last convolution, (n, 1024)."""
    options = {"padding": "same", "activation": "relu"}
    source = layers.Input(shape, name="grid")
    x = layers.Conv2D(STEM, 3, 2, **options, name="stem")(source)
    for number, block in enumerate(BLOCKS, 1):
        x = layers.DepthwiseConv2D(3, block.stride, **options, name=f"block{number}_depthwise")(x)
        x = layers.Conv2D(block.filters, 1, **options, name=f"block{number}_pointwise")(x)
    return source, layers.GlobalAveragePooling2D(name=FEATURES)(x)


def load(model: tf_keras.Model, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Set the weights from those of the published TFLite file's operators, or of the Keras file's layers.

    A head, which the files do not have, stays as it is. Raise `DatasetError` where a weight does not fit.
    """
    if all("/" in name for name in tensors):
        tensors = _folded(tensors)
    for layer in model.layers:
        if not layer.weights or layer.name == HEAD:
            continue
        name = _operator(layer.name)
        try:
            kernel, bias = tensors[f"{name}.weights"], tensors[f"{name}.bias"]
            layer.set_weights([kernel.T if kernel.ndim == 2 else _transposed(layer, kernel), bias])
        except KeyError as error:
            raise DatasetError(f"these are not YAMNet's weights: {error.args[0]} is not among them") from None
        except ValueError:
            raise DatasetError(f"these are not YAMNet's weights: {name} has another shape") from None


def _folded(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the Keras file's weights as those of operators, with batch normalisation in the convolutions.

    Keras itself loads that file by the order of its layers: each convolution without a bias and its batch normalisation
    without a scale, then the dense layer. So the order is checked here, and what a name ends in.
    """
    names = ["CONV_2D-0"]
    for number in range(len(BLOCKS)):
        names += [f"DEPTHWISE_CONV_2D-{number}", f"CONV_2D-{number + 1}"]
    kernels = ("depthwise_kernel" if name.startswith("DEPTHWISE") else "kernel" for name in names)
    expected = [end for kernel in kernels for end in (kernel, *NORMALISATION)] + ["kernel", "bias"]
    if [name.rpartition("/")[2] for name in tensors] != expected:
        raise DatasetError("these are not YAMNet's weights: the layers of the file are others")
    values = list(tensors.values())
    folded = {"FULLY_CONNECTED-1.weights": values[-2].T, "FULLY_CONNECTED-1.bias": values[-1]}
    for place, name in enumerate(names):
        kernel, beta, mean, variance = values[4 * place : 4 * place + 4]
        scale = 1 / np.sqrt(variance + EPSILON)
        along = kernel.transpose(3, 0, 1, 2)  # (outputs, frames, bands, inputs), or (1, frames, bands, channels)
        try:
            along = along * (scale if name.startswith("DEPTHWISE") else scale.reshape(-1, 1, 1, 1))
            folded |= {f"{name}.weights": along, f"{name}.bias": beta - mean * scale}
        except ValueError:
            raise DatasetError(f"these are not YAMNet's weights: {name} has another shape") from None
    return folded


def _operator(layer: str) -> str:
    """Return what `read_operators` calls the operator of a layer."""
    if layer == "tags":
        return "FULLY_CONNECTED-1"  # the first one makes the mel bands
    block, _, kind = layer.partition("_")
    number = 0 if layer == "stem" else int(block.removeprefix("block"))
    return f"DEPTHWISE_CONV_2D-{number - 1}" if kind == "depthwise" else f"CONV_2D-{number}"


def _transposed(layer: Any, kernel: NDArray[Any]) -> NDArray[Any]:
    """Return a kernel (outputs, frames, bands, inputs) as (bands, frames, inputs, outputs); depthwise has 1 output."""
    return kernel.transpose(2, 1, 3, 0)
