"""Inference engines: whichever TensorFlow Lite interpreter is installed, imported when a model is opened."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact import read_archive, verify_model
from toolkit.card import Card, TensorCard
from toolkit.errors import ArtifactError, EngineError, UsageError

MAX_DEFAULT_THREADS = 4


class Engine(Protocol):
    """A model that is loaded and ready to run. One engine serves one thread at a time."""

    @property
    def name(self) -> str:
        """The engine's name."""

    @property
    def threads(self) -> int:
        """How many threads it computes with."""

    @property
    def card(self) -> Card:
        """The card of the model."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the network's scores (n, classes) for pictures (n, 288, 432, 3) of pixel values 0..255."""


@dataclass(frozen=True)
class Kind:
    """An interpreter that may be installed: the module it is in, and how to get it."""

    module: str
    install: str


ENGINES: Mapping[str, Kind] = {
    "litert": Kind("ai_edge_litert.interpreter", "pip install ai-edge-litert"),
    "tflite-runtime": Kind("tflite_runtime.interpreter", 'pip install tflite-runtime==2.14.0 "numpy<2"'),
}


def installed() -> tuple[str, ...]:
    """Return the names of the engines that are installed, best first."""
    return tuple(name for name, kind in ENGINES.items() if importlib.util.find_spec(kind.module.partition(".")[0]))


def default_threads() -> int:
    """Return the number of processors this process may use, at most 4."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MAX_DEFAULT_THREADS)


def open_engine(path: Path | str, *, engine: str | None = None, threads: int | None = None) -> Engine:
    """Load a model file.

    The card and the model's digest are checked before any engine reads the file, the model's tensors against the
    card after.

    Parameters
    ----------
    path
        A .tflite file with a card.
    engine
        A name in `ENGINES`; by default the first that is installed.
    threads
        Computing threads, 1 or more; by default `default_threads()`.

    Raises
    ------
    ArtifactError
        If the file is no usable model.
    EngineError
        If the engine is not installed or refuses the model.
    UsageError
        If there is no such engine, or `threads` is below 1.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}: give 1 or more")
    archive = read_archive(path)
    verify_model(path, archive)
    name = _choose(engine)
    interpreter_class = _load(name)
    count = threads or default_threads()
    try:
        interpreter = interpreter_class(model_path=str(path), num_threads=count)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise EngineError(
            f"{path}: {name} cannot load this model ({_first_line(error)}): try another version of it"
        ) from None
    return LiteEngine(name, count, archive.card, interpreter, Path(path))


def _choose(engine: str | None) -> str:
    if engine is not None:
        if engine not in ENGINES:
            raise UsageError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")
        return engine
    names = installed()
    if not names:
        first = next(iter(ENGINES.values()))
        raise EngineError(f"no inference engine is installed: run `{first.install}`")
    return names[0]


def _load(name: str) -> Any:
    kind = ENGINES[name]
    try:
        return importlib.import_module(kind.module).Interpreter
    except ModuleNotFoundError:
        raise EngineError(f"the engine {name} is not installed: run `{kind.install}`") from None
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"the engine {name} does not work here ({_first_line(error)}): reinstall it, `{kind.install}`"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class LiteEngine:
    """A model in a TensorFlow Lite interpreter (ai-edge-litert and tflite-runtime share one interface)."""

    def __init__(self, name: str, threads: int, card: Card, interpreter: Any, path: Path) -> None:
        self.name = name
        self.threads = threads
        self.card = card
        self._interpreter = interpreter
        self._input = _Tensor.of(interpreter.get_input_details(), card.input, path, "input")
        self._output = _Tensor.of(interpreter.get_output_details(), card.output, path, "output")

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores, float32 (n, classes), for a batch float32 (n, 288, 432, 3) of pixel values 0..255.

        Raises
        ------
        EngineError
            If the batch has another shape, or the interpreter fails.
        """
        batch = np.asarray(batch, dtype=np.float32)
        if batch.ndim != 4 or batch.shape[1:] != self._input.shape[1:]:
            raise EngineError(
                f"the network takes (n, {', '.join(map(str, self._input.shape[1:]))}) pixel values, not {batch.shape}"
            )
        scores = np.empty((len(batch), self._output.shape[1]), np.float32)
        try:
            for number in range(len(batch)):
                self._interpreter.set_tensor(self._input.index, self._input.stored(batch[number : number + 1]))
                self._interpreter.invoke()
                scores[number] = self._output.real(self._interpreter.get_tensor(self._output.index))[0]
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"{self.name} failed on a picture ({_first_line(error)})") from None
        return scores


@dataclass(frozen=True)
class _Tensor:
    """An input or output tensor as the interpreter reports it."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @classmethod
    def of(cls, details: list[dict[str, Any]], card: TensorCard, path: Path, role: str) -> _Tensor:
        """Return the one tensor in `details`, checked against the card."""
        if len(details) != 1:
            raise ArtifactError(
                f"{path}: the model has {len(details)} {role}s, not one: export it with `python -m export`"
            )
        detail = details[0]
        scale, zero_point = detail["quantization"]
        tensor = cls(
            detail["index"], tuple(map(int, detail["shape"])), np.dtype(detail["dtype"]), float(scale), int(zero_point)
        )
        if tensor.shape != card.shape or tensor.dtype.name != card.dtype:
            found, said = f"{tensor.dtype.name} {tensor.shape}", f"{card.dtype} {card.shape}"
            raise ArtifactError(f"{path}: the model's {role} is {found}, but its card says {said}: export it again")
        if card.scale is not None and (
            not np.isclose(tensor.scale, card.scale, rtol=1e-6, atol=0) or tensor.zero_point != card.zero_point
        ):
            raise ArtifactError(
                f"{path}: the card gives another scale or zero point for the {role} than the model: export it again"
            )
        return tensor

    def stored(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Return real values as the tensor stores them: rounded to the nearest step and clipped to its range."""
        if self.dtype == np.float32:
            return np.ascontiguousarray(values)
        limits = np.iinfo(self.dtype)
        steps = np.rint(values / np.float32(self.scale)) + np.float32(self.zero_point)
        return np.asarray(np.clip(steps, limits.min, limits.max).astype(self.dtype))

    def real(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return stored values as real ones."""
        if self.dtype == np.float32:
            return np.asarray(values, np.float32)
        return np.asarray((values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale))
