"""What engines share: a model's input and output, checked against the card, and how real values are stored in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import TensorCard
from toolkit.error_text import first_line
from toolkit.errors import ArtifactError, EngineError


class Tensor(NamedTuple):
    """An input or output as the engine reports it; a float tensor has scale 0 and zero point 0."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0

    def check(self, card: TensorCard, path: Path, role: str) -> None:
        """Raise `ArtifactError` unless this is the tensor that the card describes."""
        if self.shape != card.shape or self.dtype.name != card.dtype:
            actual, described = f"{self.dtype.name} {self.shape}", f"{card.dtype} {card.shape}"
            raise ArtifactError(
                f"{path}: the model's {role} is {actual}, but its card says {described}: export it again"
            )
        if card.scale is not None and (
            not np.isclose(self.scale, card.scale, rtol=1e-6, atol=0) or self.zero_point != card.zero_point
        ):
            raise ArtifactError(
                f"{path}: the card has another scale or zero point for the {role} than the model: export it again"
            )

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


class TensorEngine(ABC):
    """An engine whose model has one input and one output; what calls the library is left to the subclass."""

    def __init__(self, name: str, threads: int, card: Card, source: Tensor, target: Tensor, path: Path) -> None:
        """Check the model's input `source` and output `target` against the card; raise `ArtifactError` otherwise."""
        self.name = name
        self.threads = threads
        self.card = card
        source.check(card.input, path, "input")
        target.check(card.output, path, "output")
        self._input, self._output = source, target
        self._batched = not card.axes or card.axes[0] == "batch"

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return scores, float32 (n, classes), for a batch, float32 (n, ...), of network inputs.

        Raise `EngineError` if the batch has another shape, or the engine fails.
        """
        batch, shape = np.asarray(batch, dtype=np.float32), self._input.shape
        item_shape = shape[1:] if self._batched else shape
        if batch.shape[1:] != item_shape or batch.ndim != len(item_shape) + 1:
            raise EngineError(
                f"the model accepts values of shape (n, {', '.join(map(str, item_shape))}), not {batch.shape}"
            )
        scores = np.empty((len(batch), self._output.shape[1]), np.float32)
        for number in range(len(batch)):
            stored = self._input.stored(batch[number : number + 1].reshape(shape))
            try:
                output = self._infer(stored)
            except Exception as error:  # the libraries raise classes of their own, without a common base
                raise EngineError(f"{self.name} failed on an input ({first_line(error)})") from None
            scores[number] = self._output.real(output)[0]
        return scores

    @abstractmethod
    def _infer(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the output tensor for an input tensor."""


def check_single(tensors: Sequence[Any], path: Path, role: str) -> Any:
    """Return a model's one input or output; raise `ArtifactError` where it has none or several."""
    if len(tensors) != 1:
        raise ArtifactError(f"{path}: the model has {len(tensors)} {role}s, not one: export it with `python -m export`")
    return tensors[0]
