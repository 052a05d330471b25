"""Weights: the operators that have them, in every format, and how they are stored as float16."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ArtifactError

KERAS_LAYERS = ("Conv1D", "Conv2D", "Dense", "DepthwiseConv2D", "SeparableConv2D")
TFLITE_OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
ONNX_NODES = ("Conv", "Gemm", "MatMul")
HEAVY = 4096
"""Layers with so many weights become int8 in a network with hard-swish (`export.tflite.convert.kept_float`)."""
SMALLEST = 1024
"""Constants with fewer values stay float32: they are biases and scalars, and cost nothing."""


def halved(values: NDArray[Any]) -> NDArray[np.float16] | None:
    """Return constants as float16, None where they stay; `ArtifactError` where one is too large for float16."""
    if values.dtype != np.float32 or values.size < SMALLEST:
        return None
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        raise ArtifactError("a weight is larger than float16 holds (65504): use another precision")
    return halves
