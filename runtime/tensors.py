"""A model's input and output: what the engine reports, checked against the card, and how real values are stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.card import TensorCard
from toolkit.errors import ArtifactError, EngineError


@dataclass(frozen=True)
class Tensor:
    """An input or output as the engine reports it; a float tensor has scale 0 and zero point 0."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0

    def check(self, card: TensorCard, path: Path, role: str) -> None:
        """Raise `ArtifactError` unless this is the tensor that the card describes."""
        if self.shape != card.shape or self.dtype.name != card.dtype:
            found, said = f"{self.dtype.name} {self.shape}", f"{card.dtype} {card.shape}"
            raise ArtifactError(f"{path}: the model's {role} is {found}, but its card says {said}: export it again")
        if card.scale is not None and (
            not np.isclose(self.scale, card.scale, rtol=1e-6, atol=0) or self.zero_point != card.zero_point
        ):
            raise ArtifactError(
                f"{path}: the card gives another scale or zero point for the {role} than the model: export it again"
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


def check_single(count: int, path: Path, role: str) -> None:
    """Raise `ArtifactError` unless a model has one input, or one output."""
    if count != 1:
        raise ArtifactError(f"{path}: the model has {count} {role}s, not one: export it with `python -m export`")


def check_batch(batch: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a batch as float32; raise `EngineError` unless its items have the input's `shape`."""
    batch = np.asarray(batch, dtype=np.float32)
    if batch.ndim != len(shape) or batch.shape[1:] != shape[1:]:
        raise EngineError(f"the network takes (n, {', '.join(map(str, shape[1:]))}) pixel values, not {batch.shape}")
    return batch


def first_line(error: Exception) -> str:
    """Return the first line of an engine's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
