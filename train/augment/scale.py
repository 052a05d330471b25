"""What the values of a front end's grid mean, so that transforms have physical units."""

from __future__ import annotations

import math
from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd

CELL_VALUES = 256
CLIP_DECIBELS = 12.0
"""Decibels of a deviation where clips are normalised: music's medians are 9 to 16, by the front end."""


@dataclass(frozen=True)
class GridScale:
    """The units of a grid, (bands, frames, 1).

    `per_decibel` is how far a value moves where the sound becomes one decibel louder. Values lie from `floor` to
    `ceiling`. `keeps_level` says whether a louder sound has another grid: one that relates to its maximum has not.
    """

    frames_per_second: float
    per_decibel: float
    floor: float
    ceiling: float
    keeps_level: bool

    @classmethod
    def of(cls, front_end: FrontEnd) -> GridScale:
        """Return the scale of a front end; raise `UsageError` where it has no grid of logarithms."""
        if front_end.layout == "picture":
            raise UsageError(
                "--augment: a picture has colours and a frame, which no transform of bands and frames fits: "
                "use --augment none, or a front end with a grid such as --front-end mel-grid"
            )
        if front_end.log == "none":
            raise UsageError("--augment: this front end has no logarithm, and decibels need one: use --augment none")
        frames_per_second = front_end.shape[1] / front_end.window_seconds
        keeps_level = front_end.reference == "one" or front_end.log == "ln"
        if front_end.layout == "cells":
            per_decibel = _units_per_decibel(front_end) * CELL_VALUES / front_end.top_db
            return cls(frames_per_second, per_decibel, 0.0, CELL_VALUES - 1.0, keeps_level=False)
        if front_end.normalise == "clip":
            return cls(frames_per_second, 1 / CLIP_DECIBELS, -math.inf, math.inf, keeps_level=False)
        low, high = _bounds(front_end)
        per_decibel = _units_per_decibel(front_end)
        if front_end.normalise == "affine":
            low, high = sorted((value + front_end.shift) * front_end.scale for value in (low, high))
            per_decibel *= front_end.scale
        return cls(frames_per_second, per_decibel, low, high, keeps_level)


def _units_per_decibel(front_end: FrontEnd) -> float:
    """Return how far the logarithm moves where the sound becomes 1 dB louder: its value v grows by 10^(exponent/20)."""
    bels = front_end.exponent / 20
    return bels * {"amplitude-db": 20.0, "db": 10.0, "ln": math.log(10)}[front_end.log]


def _bounds(front_end: FrontEnd) -> tuple[float, float]:
    if front_end.log == "ln":
        return (math.log(front_end.log_offset) if front_end.log_offset > 0 else -math.inf), math.inf
    if front_end.reference == "max":
        return -front_end.top_db, 0.0
    return (20 if front_end.log == "amplitude-db" else 10) * math.log10(front_end.amin), math.inf
