"""Inference engines: whichever is installed for a file's format, imported when a model is opened."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.engines.registry import ENGINES, NO_DYNAMIC, TRUSTING, installed
from toolkit.artifact.card import EMBEDDING, Card
from toolkit.artifact.file import TFLITE, Model, read_model
from toolkit.error_text import first_line
from toolkit.errors import EngineError, UsageError, interrupted
from toolkit.processors import usable_processors

MAX_DEFAULT_THREADS, MAX_THREADS = 4, 256


class Engine(Protocol):
    """A model that is loaded and ready to run. One engine serves one thread at a time."""

    name: str
    threads: int
    """How many threads it computes with."""
    card: Card

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores, float32 (n, classes), for network inputs, such as (n, 288, 432, 3) pixel values."""


class PairEngine:
    """A backbone and its head that are loaded and ready to run."""

    def __init__(self, backbone: Engine, head: Engine, card: Card) -> None:
        self.name, self.threads, self.card = backbone.name, backbone.threads, card
        self._backbone, self._head = backbone, head

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores, float32 (n, classes), for a batch of the backbone's inputs; raises as both engines."""
        return self._head.run(self._backbone.run(batch))


def default_threads() -> int:
    """Return the number of processors this process may use, at most 4."""
    return min(usable_processors(), MAX_DEFAULT_THREADS)


def check_threads(threads: int, name: str) -> int:
    """Return a number of threads; raise `UsageError`, which calls it `name`, unless it is 1 to 256."""
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"{name} is {threads}: give 1 to {MAX_THREADS}")
    return threads


def open_engine(
    path: Path | str,
    *,
    engine: str | None = None,
    threads: int | None = None,
    backbone: Path | None = None,
    model: Model | None = None,
) -> Engine:
    """Load a model file; a head with its backbone, which is the file `backbone`, or one in the head's folder.

    The file is read once, where it is not the `model` that has been read from it, and may change afterwards: card,
    digest and engine see the same bytes. The digest is checked before any engine sees them, the model's tensors against
    the card after. `engine` is a name in `ENGINES` that runs such files, by default the first that is installed;
    `threads` are 1 to 256, by default `default_threads()`.

    Raise `ArtifactError` if the file is no usable model or the backbone is not a head's own, `EngineError` if the
    engine is not installed or refuses it, and `UsageError` if there is no such engine, it does not run such files, or
    `threads` is out of range.
    """
    if threads is not None:
        check_threads(threads, "threads")
    path = Path(path)
    model = model or read_model(path)
    if model.card.input_level == EMBEDDING:
        return _paired(path, model, engine, threads, backbone)
    if backbone is not None:
        raise UsageError(f"{path}: a whole model, which has no other backbone: leave {backbone} out")
    return _opened(path, model, engine, threads)


def _paired(path: Path, model: Model, engine: str | None, threads: int | None, backbone: Path | None) -> Engine:
    """Return a head with its backbone; `engine` is for both, or where they differ in format for the head."""
    from runtime.engines.pair import find_backbone, pair_card

    head = _opened(path, model, engine, threads)
    backbone = backbone or find_backbone(path, model.card)
    base = read_model(backbone)
    card = pair_card(path, model.card, backbone, base.card)
    fitting = engine if base.format == model.format else None
    return PairEngine(_opened(backbone, base, fitting, threads), head, card)


def _opened(path: Path, model: Model, engine: str | None, threads: int | None) -> Engine:
    name, card = default_engine(path, model.format, engine), model.card
    if name in NO_DYNAMIC and (card.quantization == "dynamic" or "dynamic" in card.layers.values()):
        raise EngineError(
            f"{path}: {name} computes layers with dynamic ranges wrongly: use a float32, float16 or int8 file"
        )
    if name in TRUSTING:
        from runtime.engines.tflite_verifier import check_structure

        check_structure(path, model.content)
    ours, theirs = _load(name)
    return ours(name, theirs, path, model, threads or default_threads())


def default_engine(path: Path, format: str, engine: str | None = None) -> str:
    """Return the engine to use for a file: the one that is named, or the first that is installed."""
    if engine is not None and engine not in ENGINES:
        raise UsageError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")
    fitting = [name for name, kind in ENGINES.items() if kind.format == format]
    if engine is not None:
        if engine not in fitting:
            raise UsageError(f"{path}: the engine {engine} runs no .{format} files: choose one of {', '.join(fitting)}")
        return engine
    names = installed(format)
    if not names:
        from runtime.engines.wheels import how_to_install_one

        raise EngineError(f"no inference engine for .{format} files is installed: {how_to_install_one(fitting)}")
    return names[0]


def engine_module(name: str) -> Any:
    """Return the module that an engine is in; raise `EngineError` where it is not installed or does not work."""
    try:
        return importlib.import_module(ENGINES[name].module)
    except ModuleNotFoundError:
        from runtime.engines.wheels import how_to_install

        raise EngineError(f"the engine {name} is not installed: {how_to_install(name)}") from None
    except (ImportError, AttributeError) as error:
        if interrupted(error):
            raise KeyboardInterrupt from None
        raise EngineError(
            f"the engine {name} does not work here ({first_line(error)}): see `python -m runtime doctor`"
        ) from None


def _load(name: str) -> tuple[Callable[[str, Any, Path, Model, int], Engine], Any]:
    """Return our class for an engine, and the module that the engine is in."""
    theirs = engine_module(name)
    if ENGINES[name].format == TFLITE:
        from runtime.engines.litert import LiteEngine

        return LiteEngine, theirs
    from runtime.engines.onnx_runtime import OrtEngine

    return OrtEngine, theirs
