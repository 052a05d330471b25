"""The operators that have weights of their own, in each format."""

from __future__ import annotations

KERAS_LAYERS = ("Conv2D", "Dense")
TFLITE_OPERATORS = ("CONV_2D", "FULLY_CONNECTED")
ONNX_NODES = ("Conv", "Gemm", "MatMul")
