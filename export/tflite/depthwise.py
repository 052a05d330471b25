"""What 8 bits hold of a network with depthwise convolutions.

A depthwise convolution sums nine values of one channel, in YAMNet's last blocks nearly equal ones with weights of both
signs: its output is small beside its input, and beside what one scale for all channels of the input rounds away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.inputs import Inputs, batch_of
from export.quantize.search import FLOAT
from export.tflite.mixed import dynamic
from export.tflite_tree import operators, schema, unpacked
from export.weighted import HEAVY, TFLITE_OPERATORS

DEPTHWISE = "DEPTHWISE_CONV_2D"
LOST, BLURRED = 10.0, 150.0
"""The variance of a layer's output over what rounding its input adds to it: where the network is wrong, and where near.

Measured on YAMNet with GTZAN: 170 to 2700 up to block 10, then 101, and 1.4 to 5.5 from the depthwise convolution of
block 12 on. The least cosine between its scores and float32's is 0 with block 11 in int8, 0.82 with its depthwise
convolution, 0.92 without that, 0.96 up to the depthwise convolution of block 10, and no better with less.
"""


LARGE_HEAD = 65_536
"""A last layer of fewer weights stays float32, too: nothing behind it evens out what its rounding adds.

A head of ten classes on YAMNet adds 0.03 to a probability if it is dynamic, all other layers together 0.007.
"""


def heavy_dynamic(content: bytes) -> bytes | None:
    """Return a float32 TFLite model with its convolutions and dense layers of `HEAVY` weights in dynamic.

    None where it has no depthwise convolution, or no such layer. The others have few weights, and XNNPACK has no
    kernel for a dynamic depthwise convolution: with them float32, YAMNet takes 0.35 of float32's time in the place of
    0.97, and mn04 0.83 in the place of 1.44.
    """
    layers = _weighted(content)
    last = layers[-1] if layers else None
    heavy = [
        layer for layer in layers if layer.kind != DEPTHWISE and layer.size >= (LARGE_HEAD if layer is last else HEAVY)
    ]
    if not heavy or all(layer.kind != DEPTHWISE for layer in layers):
        return None
    return dynamic(content, [(layer.kind, layer.output) for layer in heavy])


def int8_kinds(content: bytes, calibration: Inputs) -> list[str] | None:
    """Return what each layer with weights of a float32 TFLite model is in its int8 file, in order.

    Where rounding to 8 bits over a fixed range drowns the input of a layer (`LOST`), the network is int8 up to the
    first layer whose input it blurs (`BLURRED`). The layer that computes that input and all behind it are dynamic, and
    depthwise convolutions and a small last layer among them float32. None where all can be int8, or none can, and where
    there is no depthwise convolution.
    """
    layers = _weighted(content)
    if all(layer.kind != DEPTHWISE for layer in layers):
        return None
    ratios = _signal_to_noise(content, calibration)
    integer = int(np.argmax(ratios < BLURRED)) - 1
    if ratios.min() >= LOST or integer < 1:
        return None
    rest = [FLOAT if layer.kind == DEPTHWISE else "dynamic" for layer in layers[integer:]]
    if layers[-1].size < LARGE_HEAD:
        rest[-1] = FLOAT
    return ["int8"] * integer + rest


def float_ops(content: bytes) -> tuple[str, ...]:
    """Return the kinds of the operators of a partly quantised model whose inputs are all float32."""
    tree = unpacked(content)
    tensors, is_float = tree.subgraphs[0].tensors, schema().TensorType.FLOAT32
    kinds = {
        kind
        for kind, operator in operators(tree)
        if kind != "QUANTIZE" and all(tensors[number].type == is_float for number in operator.inputs)
    }
    return tuple(sorted(kinds))


class _Layer(NamedTuple):
    """An operator with weights: its kind, how many weights, and the name of its output."""

    kind: str
    size: int
    output: str


def _weighted(content: bytes) -> list[_Layer]:
    """Return the operators with weights, in order."""
    tree = unpacked(content)
    tensors = tree.subgraphs[0].tensors
    return [
        _Layer(kind, int(np.prod(tensors[operator.inputs[1]].shape)), tensors[operator.outputs[0]].name.decode())
        for kind, operator in operators(tree)
        if kind in TFLITE_OPERATORS
    ]


def _signal_to_noise(content: bytes, inputs: Inputs) -> NDArray[np.float64]:
    """Return for each operator with weights the variance of its output over that of its input's rounding to 8 bits.

    Both are sums over channels, the noise step² / 12 · Σ weights².
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    weighted = [operator for kind, operator in operators(unpacked(content)) if kind in TFLITE_OPERATORS]
    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    extremes = np.zeros((2, len(weighted)))  # a range holds 0
    sums = [np.zeros(1)] * len(weighted)
    squares, rows = np.zeros(len(weighted)), np.zeros(len(weighted))
    for value in inputs:
        interpreter.set_tensor(source, batch_of(value))
        interpreter.invoke()
        for number, operator in enumerate(weighted):
            received, result = (
                interpreter.get_tensor(place).astype(np.float64) for place in (operator.inputs[0], operator.outputs[0])
            )
            extremes[:, number] = min(extremes[0, number], received.min()), max(extremes[1, number], received.max())
            result = result.reshape(-1, result.shape[-1])
            sums[number] = sums[number] + result.sum(axis=0)
            squares[number] += np.square(result).sum()
            rows[number] += len(result)
    means = np.array([np.square(total / count).sum() for total, count in zip(sums, rows, strict=True)])
    weights = np.array([np.square(interpreter.get_tensor(operator.inputs[1])).sum() for operator in weighted])
    steps = (extremes[1] - extremes[0]) / 255
    return (squares / rows - means) / np.maximum(steps**2 / 12 * weights, np.finfo(float).tiny)
