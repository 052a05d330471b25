"""Sound to the columns of a scrolling spectrogram, with the front end's frames and bands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import MelFrames, emphasised

COLUMNS_PER_SECOND = 20
"""At most: more are no more legible on a screen, and cost computing time."""
FLOOR_DB = -120.0
STEPS_PER_DB = 2
"""A column's values: 0 is `FLOOR_DB` or less, 1 is half a decibel more."""


class ColumnMaker:
    """Accepts mono samples at the front end's rate; returns every `step`-th frame's bands as a column."""

    def __init__(self, spec: FrontEnd) -> None:
        """Start without sound."""
        step = math.ceil(spec.sample_rate / spec.hop_length / COLUMNS_PER_SECOND)
        self._spec = replace(spec, hop_length=step * spec.hop_length, padding="constant")
        self._samples = np.zeros(0, np.float32)
        self._reference = (spec.frame_length / 4) ** spec.exponent

    @property
    def per_second(self) -> float:
        """Columns per second."""
        return self._spec.sample_rate / self._spec.hop_length

    @property
    def contrast(self) -> int:
        """The difference of two values that the front end still distinguishes below the loudest."""
        share = 20 if self._spec.log == "amplitude-db" else 10
        return round(self._spec.top_db * 10 / share * STEPS_PER_DB)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the columns, uint8 (n, bands), that the next samples, float32 (n,), complete."""
        self._samples = np.concatenate([self._samples, samples])
        needed = self._spec.n_fft + (1 if self._spec.pre_emphasis else 0)
        frames = (len(self._samples) - needed) // self._spec.hop_length + 1
        if frames < 1:
            return np.zeros((0, self._spec.n_mels), np.uint8)
        sound = self._samples[: needed + (frames - 1) * self._spec.hop_length]
        self._samples = self._samples[frames * self._spec.hop_length :]
        power = MelFrames.inside(emphasised(sound, self._spec), self._spec).power()
        decibels = 20 / self._spec.exponent * np.log10(np.maximum(power / self._reference, 1e-30))
        steps = np.rint((decibels - FLOOR_DB) * STEPS_PER_DB)
        return np.asarray(np.clip(steps, 0, 255), np.uint8)
