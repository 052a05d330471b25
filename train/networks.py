"""The two networks of the paper as tables of layers, with shapes, parameters and multiply-adds derived from them.

Nothing here needs TensorFlow; `train.build` turns a table into a Keras model, `train.registry` gives it a name.

Sources: A. Cox, A. Sato, E.-R. Kausche, "Using a Convolutional Neural Networks to Classify Musical Genres", figures 2
and 3; the first network follows M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks"
(2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from toolkit.frontend.spec import PICTURE, FrontEnd


@dataclass(frozen=True)
class Conv:
    """2-D convolution without padding, bias, ReLU (unless it comes later in the table)."""

    filters: int
    kernel: int
    stride: int = 1
    relu: bool = True


@dataclass(frozen=True)
class Relu:
    """max(x, 0), where it is not part of a convolution."""


@dataclass(frozen=True)
class Pool:
    """Max pooling without padding."""

    size: int = 3
    stride: int = 2


@dataclass(frozen=True)
class Standardise:
    """(x - mean) / deviation over height, width and channels of one sample; no parameters."""


@dataclass(frozen=True)
class Flatten:
    """(height, width, channels) -> (height * width * channels,)."""


@dataclass(frozen=True)
class Dropout:
    """Zero a share `rate` of the values while training."""

    rate: float


@dataclass(frozen=True)
class Dense:
    """Fully connected, bias, no activation."""

    units: int


@dataclass(frozen=True)
class Softmax:
    """Fully connected to one unit per class, bias, softmax."""


Layer = Conv | Relu | Pool | Standardise | Flatten | Dropout | Dense | Softmax

ZFNET: tuple[Layer, ...] = (
    #                               288 x 432 x 3
    Conv(96, kernel=7, stride=2),  # 141 x 213 x 96
    Pool(),  #                        70 x 106 x 96
    Standardise(),
    Conv(256, kernel=5, stride=2),  # 33 x 51 x 256
    Pool(),  #                        16 x 25 x 256
    Standardise(),
    Conv(384, kernel=3),  #           14 x 23 x 384
    Conv(384, kernel=3),  #           12 x 21 x 384
    Conv(256, kernel=3),  #           10 x 19 x 256
    Pool(),  #                         4 x 9 x 256
    Flatten(),  #                     9216
    Dense(4096),
    Dense(4096),
    Softmax(),
)

GTZANET: tuple[Layer, ...] = (
    #                        288 x 432 x 3
    Conv(8, kernel=3),  #    286 x 430 x 8
    Pool(),  #               142 x 214 x 8
    Conv(16, kernel=3),  #   140 x 212 x 16
    Pool(),  #                69 x 105 x 16
    Conv(32, kernel=3),  #    67 x 103 x 32
    Pool(),  #                33 x 51 x 32
    Conv(64, kernel=3),  #    31 x 49 x 64
    Pool(),  #                15 x 24 x 64
    Conv(128, kernel=3),  #   13 x 22 x 128
    Pool(),  #                 6 x 10 x 128
    Flatten(),  #            7680
    Dropout(0.3),
    Softmax(),
)

TABLES = {"gtzanet": GTZANET, "zfnet": ZFNET}


@dataclass(frozen=True)
class Row:
    """One line of a network's table: layer, output shape, parameters, multiply-adds for one picture."""

    layer: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def with_dropout(network: tuple[Layer, ...], rate: float | None) -> tuple[Layer, ...]:
    """Return `network` with the rate of its dropout layers replaced (None leaves the table as it is)."""
    if rate is None:
        return network
    return tuple(replace(layer, rate=rate) if isinstance(layer, Dropout) else layer for layer in network)


def trace(network: tuple[Layer, ...], classes: int = 10, shape: tuple[int, ...] = PICTURE.shape) -> list[Row]:
    """Follow one input of `shape` (height, width, channels) through a layer table and return one row per layer.

    Multiply-adds count one multiplication and one addition as one, for convolutions and dense layers alone (as the
    paper's field does). The last layer has `classes` units.
    """
    rows = [Row("input", shape, 0, 0)]
    for layer in network:
        row = _apply(layer, shape, classes)
        rows.append(row)
        shape = row.shape
    return rows


def layer_names(network: tuple[Layer, ...]) -> list[str]:
    """Return a name for each layer of a table, by its kind and number: conv1, pool1, conv2 and so on."""
    kinds = ["dense" if isinstance(layer, Softmax) else type(layer).__name__.lower() for layer in network]
    return [f"{kind}{kinds[: place + 1].count(kind)}" for place, kind in enumerate(kinds)]


def _apply(layer: Layer, shape: tuple[int, ...], classes: int) -> Row:
    match layer:
        case Conv(filters, kernel, stride, relu):
            height, width = ((side - kernel) // stride + 1 for side in shape[:2])
            weights = kernel * kernel * shape[2] * filters
            name = f"conv {filters}, {kernel}x{kernel}, stride {stride}" + ", ReLU" * relu
            return Row(name, (height, width, filters), weights + filters, height * width * weights)
        case Relu():
            return Row("ReLU", shape, 0, 0)
        case Pool(size, stride):
            height, width = ((side - size) // stride + 1 for side in shape[:2])
            return Row(f"max pool {size}x{size}, stride {stride}", (height, width, shape[2]), 0, 0)
        case Standardise():
            return Row("per-image standardisation", shape, 0, 0)
        case Flatten():
            return Row("flatten", (math.prod(shape),), 0, 0)
        case Dropout(rate):
            return Row(f"dropout {rate:g}", shape, 0, 0)
        case Dense(units):
            return _dense(f"dense {units}", shape[0], units)
        case Softmax():
            return _dense(f"dense {classes}, softmax", shape[0], classes)


def _dense(name: str, inputs: int, units: int) -> Row:
    return Row(name, (units,), inputs * units + units, inputs * units)


def parameter_count(network: tuple[Layer, ...], classes: int = 10) -> int:
    """Return the number of trainable parameters of `network`."""
    return sum(row.parameters for row in trace(network, classes))


def summary(name: str, network: tuple[Layer, ...], spec: FrontEnd = PICTURE, classes: int = 10) -> str:
    """Return a layer table as text: names, layers, output shapes, parameters, multiply-adds, totals."""
    rows, names = trace(network, classes, spec.shape), ["picture", *layer_names(network)]
    scaled = "" if spec.layout == "grid" else ", pixel values 0..255, divided by 255"
    lines = [f"{name}: input {' x '.join(map(str, spec.shape))}{scaled}", ""]
    lines.append(f"{'name':<14}{'layer':<30}{'output':>16}{'parameters':>14}{'multiply-adds':>16}")
    for layer_name, row in zip(names, rows, strict=True):
        shape = " x ".join(map(str, row.shape))
        lines.append(f"{layer_name:<14}{row.layer:<30}{shape:>16}{row.parameters:>14,}{row.multiply_adds:>16,}")
    parameters = sum(row.parameters for row in rows)
    multiply_adds = sum(row.multiply_adds for row in rows)
    lines.append(f"{'total':<44}{'':>16}{parameters:>14,}{multiply_adds:>16,}")
    return "\n".join(lines)
