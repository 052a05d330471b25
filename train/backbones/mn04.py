"""EfficientAT's mn04: MobileNetV3-Large at width 0.4 on mel grids, pretrained on AudioSet.

Sources: F. Schmid, K. Koutini, G. Widmer, "Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge
Distillation" (ICASSP 2023); A. Howard et al., "Searching for MobileNetV3" (2019), table 1.

Hard-swish is written with the operations that converters recognise: TensorFlow Lite and ONNX have it, or its gate, as
one operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tf_keras
from numpy.typing import NDArray
from tf_keras import layers

from toolkit.errors import DatasetError

WIDTH = 0.4
EPSILON = 1e-3
STEM, LAST, HIDDEN, TAGS = 16, 960, 512, 527
FEATURES, HEAD = "features", "head"
"""Names of the layers that end the backbone and follow it."""


class Block(NamedTuple):
    """An inverted residual block with its channels at width 1; `squeeze` is "SE" where it has such a gate.

    `activation` is "RE" for ReLU, "HS" for hard-swish.
    """

    kernel: int
    expanded: int
    out: int
    squeeze: str
    activation: str
    stride: int

    @property
    def expands(self) -> bool:
        """Whether a convolution brings the input to more channels first."""
        return self.expanded != self.out or self.stride > 1


BLOCKS = (
    #                                     bands x frames x channels, of 128 x 500 x 1
    #                                     64 x 250 x 8 after the stem
    Block(3, 16, 16, "", "RE", 1),  #     64 x 250 x 8
    Block(3, 64, 24, "", "RE", 2),  #     32 x 125 x 16
    Block(3, 72, 24, "", "RE", 1),
    Block(5, 72, 40, "SE", "RE", 2),  #   16 x 63 x 16
    Block(5, 120, 40, "SE", "RE", 1),
    Block(5, 120, 40, "SE", "RE", 1),
    Block(3, 240, 80, "", "HS", 2),  #     8 x 32 x 32
    Block(3, 200, 80, "", "HS", 1),
    Block(3, 184, 80, "", "HS", 1),
    Block(3, 184, 80, "", "HS", 1),
    Block(3, 480, 112, "SE", "HS", 1),  #  8 x 32 x 48
    Block(3, 672, 112, "SE", "HS", 1),
    Block(5, 672, 160, "SE", "HS", 2),  #  4 x 16 x 64
    Block(5, 960, 160, "SE", "HS", 1),
    Block(5, 960, 160, "SE", "HS", 1),
)


def channels(count: float) -> int:
    """Return the multiple of 8 nearest to `count` that is at least nine tenths of it."""
    rounded = max(8, int(count + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * count else rounded + 8


def features_model(shape: tuple[int, int, int]) -> tf_keras.Model:
    """Return the network up to its features: float32 (n, bands, frames, 1) to (n, 384)."""
    source = layers.Input(shape, name="grid")
    x = _swish(_conv(source, channels(WIDTH * STEM), 3, 2, "stem"), "stem")
    for number, block in enumerate(BLOCKS, 1):
        x = _block(x, block, f"block{number}")
    x = _swish(_conv(x, channels(WIDTH * LAST), 1, 1, "last"), "last")
    return tf_keras.Model(source, layers.GlobalAveragePooling2D(name=FEATURES)(x), name="mn04")


def build(shape: tuple[int, int, int], classes: int) -> tf_keras.Model:
    """Return the features with a head: float32 (n, bands, frames, 1) to probabilities (n, classes)."""
    features = features_model(shape)
    logits = layers.Dense(classes, name=HEAD)(features.output)
    scores = layers.Activation("softmax", dtype="float32", name="scores")(logits)
    return tf_keras.Model(features.input, scores, name="mn04")


def tagger(shape: tuple[int, int, int]) -> tf_keras.Model:
    """Return the whole network: float32 (n, bands, frames, 1) to the scores of AudioSet's 527 classes, each 0 to 1."""
    features = features_model(shape)
    hidden = _swish(layers.Dense(HIDDEN, name="hidden")(features.output), "hidden")
    return tf_keras.Model(features.input, layers.Dense(TAGS, "sigmoid", name="tags")(hidden), name="mn04")


def _block(source: Any, block: Block, name: str) -> Any:
    """Return an inverted residual block's output."""
    inside, outside, x = channels(WIDTH * block.expanded), channels(WIDTH * block.out), source
    if block.expands:
        x = _activation(_conv(x, inside, 1, 1, f"{name}_expand"), block.activation, f"{name}_expand")
    x = _conv(x, inside, block.kernel, block.stride, f"{name}_depthwise", depthwise=True)
    x = _activation(x, block.activation, f"{name}_depthwise")
    if block.squeeze:
        x = _squeeze(x, f"{name}_squeeze")
    x = _conv(x, outside, 1, 1, f"{name}_project")
    is_residual = block.stride == 1 and source.shape[-1] == outside
    return layers.Add(name=f"{name}_add")([x, source]) if is_residual else x


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str, *, depthwise: bool = False) -> Any:
    """Return a convolution with batch normalisation, and with zeros on both sides, as PyTorch pads."""
    options = {"strides": stride, "use_bias": False, "padding": "same", "name": name}
    if stride > 1:  # where Keras' own padding is on one side
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        options["padding"] = "valid"
    layer = layers.DepthwiseConv2D(kernel, **options) if depthwise else layers.Conv2D(filters, kernel, **options)
    return layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(layer(x))


def _activation(x: Any, kind: str, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(x) if kind == "RE" else _swish(x, name)


def _swish(x: Any, name: str) -> Any:
    """Return hard-swish, x * relu6(x + 3) / 6."""
    gate = layers.ReLU(6, name=f"{name}_relu6")(layers.Rescaling(1.0, 3.0, name=f"{name}_shift")(x))
    return layers.Multiply(name=f"{name}_swish")([x, layers.Rescaling(1 / 6, name=f"{name}_gate")(gate)])


def _squeeze(x: Any, name: str) -> Any:
    """Return the channels, each multiplied by a gate that the mean of all decides (squeeze-and-excitation)."""
    count = x.shape[-1]
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    less = layers.Conv2D(channels(count / 4), 1, activation="relu", name=f"{name}_fc1")(mean)
    gate = layers.Conv2D(count, 1, activation="sigmoid", name=f"{name}_fc2")(less)
    return layers.Multiply(name=f"{name}_gated")([x, gate])


def load(model: tf_keras.Model, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Set the weights that the authors' file has from its tensors; raise `DatasetError` where one does not fit.

    A head, which the file does not have, stays as it is.
    """
    for layer in model.layers:
        if not layer.weights or layer.name == HEAD:
            continue
        name = torch_name(layer.name)
        try:
            layer.set_weights(_weights(layer, name, tensors))
        except KeyError as error:
            raise DatasetError(f"these are not mn04's weights: {error.args[0]} is not among them") from None
        except ValueError:
            raise DatasetError(f"these are not mn04's weights: {name} has another shape") from None


def torch_name(layer: str) -> str:
    """Return what the authors' file calls the layer with this name."""
    part, _, rest = layer.partition("_")
    if part in ("hidden", "tags"):
        return "classifier.2" if part == "hidden" else "classifier.5"
    kind, _, tail = rest.partition("_")
    if part in ("stem", "last"):
        return f"features.{0 if part == 'stem' else len(BLOCKS) + 1}.{int(rest == 'bn')}"
    number = int(part.removeprefix("block"))
    block = BLOCKS[number - 1]
    depthwise = int(block.expands)
    place = {
        "expand": 0,
        "depthwise": depthwise,
        "squeeze": depthwise + 1,
        "project": depthwise + 1 + bool(block.squeeze),
    }
    name = f"features.{number}.block.{place[kind]}"
    return f"{name}.conc_se_layers.0.{tail}" if kind == "squeeze" else f"{name}.{int(tail == 'bn')}"


def _weights(layer: Any, name: str, tensors: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a layer's weights in Keras' order and layout."""
    if isinstance(layer, layers.BatchNormalization):
        return [tensors[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    kernel = tensors[f"{name}.weight"]
    if isinstance(layer, layers.DepthwiseConv2D):
        kernel = kernel.transpose(2, 3, 0, 1)
    elif isinstance(layer, layers.Conv2D):
        kernel = kernel.reshape(*kernel.shape[:2], *layer.kernel_size).transpose(2, 3, 1, 0)
    else:
        kernel = kernel.T
    return [kernel, tensors[f"{name}.bias"]] if layer.use_bias else [kernel]
