"""From a Keras model to the bytes of a TFLite model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inputs import Inputs, batch_of
from export.keras import forward, standardises
from export.tflite_tree import operators, unpacked
from export.tools import Unconvertible, tool
from export.weighted import HEAVY
from toolkit.errors import ArtifactError

IO_TYPES = ("int8", "uint8", "float32")
INT16_OPS = {
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "EXPAND_DIMS",
    "FULLY_CONNECTED",
    "LEAKY_RELU",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MEAN",
    "MUL",
    "PAD",
    "RELU",
    "RELU6",
    "RESHAPE",
    "SOFTMAX",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "TANH",
    "TRANSPOSE",
}
"""What is converted to int16x8; others make TensorFlow's quantiser fail, some end the process."""
HARD_SWISH = "HARD_SWISH"
MULTIPLYING = ("CONV_2D", "FULLY_CONNECTED")
STANDARDISATION_OPS = ("ADD", "MEAN", "MUL", "RSQRT", "SQUARED_DIFFERENCE", "SUB")

_INTEGER_OPS = {
    "int8": "TFLITE_BUILTINS_INT8",
    "int16x8": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
}


@dataclass(frozen=True)
class Kept:
    """Operators that stay float32 in an int8 model: whole kinds, and single ones by the name of their output."""

    kinds: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def kept_float(model: Any, content: bytes) -> Kept:
    """Return what stays float32 in an int8 model of a Keras model, whose float32 TFLite model is `content`.

    Per-image standardisation: eight bits cannot hold a picture's variance and its inverse root. Measured on 199
    validation pictures with a narrow ZFNet: Keras 71 right, all in int8 51, with standardisation in float32 70.

    Of a network with hard-swish, all but the convolutions and dense layers with many weights (`HEAVY`), if there are
    any. XNNPACK has no int8 hard-swish, and its int8 depthwise convolutions are slower than those in float32. Layers
    with few weights move more than they multiply, and are the first ones, whose rounding all others see. Of
    EfficientAT's mn04, 21 of 62 layers are heavy: docs/trade-offs.md.
    """
    if any(standardises(layer) for layer in model.layers):
        return Kept(STANDARDISATION_OPS)
    tree = unpacked(content)
    steps = operators(tree)
    kinds = {kind for kind, _ in steps}
    tensors = tree.subgraphs[0].tensors
    dense = [operator for kind, operator in steps if kind in MULTIPLYING]
    light = [operator for operator in dense if np.prod(tensors[operator.inputs[1]].shape) < HEAVY]
    if HARD_SWISH not in kinds or len(light) == len(dense):
        return Kept()
    names = [tensors[operator.outputs[0]].name.decode() for operator in light]
    return Kept(tuple(sorted(kinds - set(MULTIPLYING))), tuple(names))


def to_tflite(
    model: Any, precision: str = "float32", calibration: Inputs | None = None, io: str = "int8", name: str = "picture"
) -> bytes:
    """Convert a Keras model for one input per call.

    Parameters
    ----------
    model
        float32 (n, ...) network inputs to float32 (n, classes).
    precision
        "float32"; "dynamic" stores weights as int8 with a scale for each channel; "int8" makes weights and activations
        int8, "int16x8" weights int8 and activations int16; not where something stays float32 (`kept_float`).
    calibration
        (n, ...), the inputs that the ranges of "int8" and "int16x8" are measured on.
    io
        Input and output type of an "int8" model: "int8", "uint8" or "float32"; all others have float32.
    name
        Of the input.

    Raises `ArtifactError` if TensorFlow's converter fails, as all functions here.
    """
    import tensorflow as tf

    trackable = getattr(model, "trackable", model)
    signature = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name=name)
    call = tf.function(lambda value: forward(model, value))
    with converting():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function(signature)], trackable)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision in _INTEGER_OPS:
            converter.representative_dataset = _samples(calibration)
            converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, _INTEGER_OPS[precision])]
            io_type = getattr(tf, io if precision == "int8" else "float32")
            converter.inference_input_type = converter.inference_output_type = io_type
        return bytes(converter.convert())


def check_quantisable(content: bytes, precision: str) -> None:
    """Raise `ArtifactError` where TensorFlow's quantiser does not know what is in a float32 TFLite model.

    It ends the process, without an error, where it measures ranges in a loop, or meets some operators in int16x8.
    """
    tree = unpacked(content)
    if len(tree.subgraphs) > 1:
        raise ArtifactError(f"TensorFlow cannot measure ranges inside a loop, for {precision}: use float16 or dynamic")
    if precision == "int16x8" and (other := sorted({kind for kind, _ in operators(tree)} - INT16_OPS)):
        raise Unconvertible(f"TensorFlow Lite has no {other[0]} for int16x8: use int8 or float16")


def with_ranges(content: bytes, calibration: Inputs | None) -> bytes:
    """Return a float32 TFLite model with the range of each of its tensors, as measured on calibration inputs.

    TensorFlow offers the steps to a partly quantised model (this one and `partly_int8`) through its quantisation
    debugger alone, which needs twice the memory for what it measures besides.
    """
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    with converting():
        return bytes(Calibrator(content).calibrate(_samples(calibration)))


def partly_int8(content: bytes, kept: Kept, io: str = "int8") -> bytes:
    """Return a float32 TFLite model `with_ranges` in int8, but for the operators `kept`; `io` as in `to_tflite`.

    TensorFlow's quantiser keeps input and output in float32; its converter, too, removes them last.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.util import modify_model_io_type

    with converting():
        io_type = getattr(tf, io)
        names = list(kept.outputs) or None
        quantised = mlir_quantize(content, denylisted_ops=list(kept.kinds), denylisted_nodes=names)
        return bytes(modify_model_io_type(quantised, io_type, io_type))


def _samples(calibration: Inputs | None) -> Callable[[], Iterator[list[NDArray[np.float32]]]]:
    """Return a function that yields calibration inputs as TensorFlow's tools read them."""
    inputs = () if calibration is None else calibration
    return lambda: ([batch_of(value)] for value in inputs)


def converting() -> AbstractContextManager[None]:
    """Turn whatever TensorFlow's converter raises into one sentence."""
    return tool("TensorFlow cannot convert the model")
