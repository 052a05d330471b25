"""The engines that models may run on, and which of them are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import NamedTuple

from toolkit.artifact.file import ONNX, TFLITE


class Kind(NamedTuple):
    """An engine that may be installed: the format it runs, and the module it is in."""

    format: str
    module: str


ENGINES: Mapping[str, Kind] = {
    "litert": Kind(TFLITE, "ai_edge_litert.interpreter"),
    "tflite-runtime": Kind(TFLITE, "tflite_runtime.interpreter"),
    "onnxruntime": Kind(ONNX, "onnxruntime"),
}


NO_DYNAMIC = frozenset({"tflite-runtime"})
"""Engines that refuse files with dynamic layers, or (tflite-runtime 2.14) return wrong scores silently."""
TRUSTING = frozenset({"tflite-runtime"})
"""Engines that crash on what is no model, where others refuse it."""


def installed(format: str | None = None) -> tuple[str, ...]:
    """Return the names of the engines that are installed (for a format), best first."""
    return tuple(
        name
        for name, kind in ENGINES.items()
        if format in (None, kind.format) and importlib.util.find_spec(kind.module.partition(".")[0])
    )
