"""The transforms of `--augment` for a front end. Their order: what moves content, then its colour, then what hides."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from toolkit.frontend.spec import FrontEnd
from train.augment.scale import GridScale
from train.augment.transforms import (
    BandMask,
    BandShift,
    Equaliser,
    Gain,
    TimeMask,
    TimeShift,
    TimeStretch,
    Transform,
)

PRESETS: dict[str, tuple[Transform, ...]] = {
    "none": (),
    "light": (TimeShift(0.1), BandShift(1), Gain(3), TimeMask(0.2, 1), BandMask(1 / 16, 1)),
    "strong": (
        TimeStretch(0.8, 1.25),
        TimeShift(1.0),
        BandShift(5),
        Equaliser(6, 5),
        Gain(6),
        TimeMask(0.5, 2),
        BandMask(1 / 8, 2),
    ),
}


@dataclass(frozen=True)
class Augmentation:
    """Transforms one after the other, each with a seed of its own, on grids of one scale."""

    transforms: tuple[Transform, ...]
    scale: GridScale

    @classmethod
    def of(cls, preset: str, front_end: FrontEnd) -> Augmentation:
        """Return a preset's, without the gain where the front end removes the level of a sound anyway.

        Raises `UsageError` where the front end has no grid to augment.
        """
        scale = GridScale.of(front_end)
        kept = (transform for transform in PRESETS[preset] if scale.keeps_level or not isinstance(transform, Gain))
        return cls(tuple(kept), scale)

    def __call__(self, values: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return float32 (n, bands, frames, 1) of the same."""
        for number, transform in enumerate(self.transforms):
            values = transform(values, self.scale, tf.random.experimental.stateless_fold_in(seed, number))
        return values
