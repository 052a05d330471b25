"""Where the time goes inside a model: the milliseconds of every layer with weights and of what follows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.profile.layers import Part
from benchmarks.profile.onnx import profile_onnx
from benchmarks.profile.tflite import profile_tflite
from runtime.engines.base import first_line
from runtime.preprocess import model_input
from toolkit.artifact.file import ONNX, file_format, read_archive, verify_model
from toolkit.errors import EngineError, GtzanetError
from toolkit.measure.latency import Plan
from toolkit.native_stderr import captured_stderr

HEADERS = ("model", "part", "operators", "weights", "in float32", "outside the delegate", "ms", "share")
NONE = "-"


def profile(path: Path, window: NDArray[np.float32], threads: int, plan: Plan) -> list[Part]:
    """Return the parts of a model file, in order.

    A TFLite model is cut after every part, and the pieces are timed in turns: a part's time is what its piece takes
    longer than the one before. An ONNX model is timed by ONNX Runtime's own profiler.

    Parameters
    ----------
    path
        A model file.
    window : ndarray of float32, shape (n,)
        The sound to ask about, one window at the front end's rate.
    threads
        Computing threads.
    plan
        How long to measure.

    Raises
    ------
    ArtifactError
        If the file is no model file, or is damaged.
    EngineError
        If the engine, or its description of models, is not installed, or the model does not run in it.
    """
    archive = read_archive(path)
    verify_model(path, archive)
    content = path.read_bytes()[: archive.start]
    batch = model_input(window, archive.card)[np.newaxis]
    timed = profile_onnx if file_format(path) == ONNX else profile_tflite
    try:
        with captured_stderr():
            return timed(content, batch, threads, plan)
    except GtzanetError:
        raise
    except Exception as error:  # the engines' own classes, without a common base
        raise EngineError(f"{path}: cannot be run layer by layer ({first_line(error)}): try another engine") from None


def cells(path: Path, parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """Return rows of texts, one for each of `HEADERS`: the parts, and their sum."""
    total = sum(part.milliseconds for part in parts)
    rows = [
        (
            path.name,
            part.name,
            " ".join(part.operators),
            part.weights,
            " ".join(part.in_float) or NONE,
            " ".join(part.outside) or NONE,
            f"{part.milliseconds:.2f}",
            f"{part.milliseconds / total:.0%}",
        )
        for part in parts
    ]
    return [*rows, (path.name, "all", "", "", "", "", f"{total:.2f}", "100%")]


def remarks(path: Path, parts: Sequence[Part]) -> list[str]:
    """Return sentences on what makes a model slower than it looks: float islands, operators outside the delegate."""
    found = []
    islands = [f"{part.name} ({' '.join(part.in_float)})" for part in parts if part.in_float]
    if islands and any(part.integers for part in parts):
        found.append(f"Float islands in {path.name}, whose other operators take integers: {', '.join(islands)}.")
    if all(set(part.operators) == set(part.outside) for part in parts):
        found.append(f"The delegate took no operator of {path.name}.")
    elif outside := [f"{part.name} ({' '.join(part.outside)})" for part in parts if part.outside]:
        found.append(f"Operators of {path.name} that the delegate did not take: {', '.join(outside)}.")
    return found
