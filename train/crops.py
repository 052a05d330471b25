"""Training windows that begin anywhere: an epoch sees about as many as evaluation does, chosen anew each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend.spec import FrontEnd
from train.config import Recipe
from train.data import Dataset, Part, Steps, load_part


def training_front_end(recipe: Recipe, spec: FrontEnd) -> FrontEnd:
    """Return the front end of the training part: with `recipe.crops`, windows begin that many seconds apart.

    Raises `UsageError` where that is longer than a window or shorter than a frame's hop.
    """
    if not recipe.crops:
        return spec
    try:
        return replace(spec, hop_seconds=recipe.crops)
    except ArtifactError:
        least = spec.hop_length / spec.sample_rate
        bounds = f"from a frame's hop, {least:.3g} s, to a window, {spec.window_seconds:g} s"
        raise UsageError(f"--crops {recipe.crops:g}: it must be {bounds}") from None


def load_training(
    dataset: Dataset, recipe: Recipe, spec: FrontEnd, cache: Path | None, progress: Steps
) -> dict[str, Part]:
    """Return the parts that a training reads: "train" and "validation"."""
    names, seen_by = dataset.split, {"train": training_front_end(recipe, spec), "validation": spec}
    return {part: load_part(dataset, getattr(names, part), seen_by[part], cache, progress) for part in seen_by}


@dataclass(frozen=True)
class EpochWindows:
    """Which windows of a part an epoch sees, and in which order: functions of the seed and the epoch alone.

    `clips` is the clip of each window, int64 (windows,), ascending. `share` is the share of a clip's windows that an
    epoch sees, at least one of them; without it, an epoch sees all.
    """

    seed: int
    clips: np.ndarray
    share: float | None = None

    @classmethod
    def of(cls, seed: int, recipe: Recipe, part: Part, spec: FrontEnd) -> EpochWindows:
        """Return a run's: with `recipe.crops`, as many windows of a clip as lie in it side by side."""
        return cls(seed, part.clips, recipe.crops / spec.window_seconds if recipe.crops else None)

    @property
    def count(self) -> int:
        """The number of windows of an epoch."""
        return len(self.clips) if self.share is None else int(self._counts().sum())

    def order(self, epoch: int) -> np.ndarray:
        """Return the windows of an epoch (from 0) in the order of its steps, int64 (count,)."""
        generator = np.random.default_rng((self.seed, epoch))
        if self.share is None:
            return generator.permutation(len(self.clips))
        shuffled = np.lexsort((generator.random(len(self.clips)), self.clips))  # within each clip
        place = np.arange(len(self.clips)) - np.searchsorted(self.clips, self.clips)
        return generator.permutation(shuffled[place < self._counts()[self.clips]])

    def _counts(self) -> np.ndarray:
        windows = np.bincount(self.clips)
        return np.where(windows > 0, np.maximum(np.rint(windows * (self.share or 1)), 1), 0).astype(int)
