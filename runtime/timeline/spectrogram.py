"""The mel power of a sound of any length in a limited number of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import MelFrames

COLUMNS = 1_000
"""A picture has at least half as many, unless the sound has fewer frames."""
_FRAMES = 512
"""Frames that are transformed at once."""


class Spectrogram:
    """Pools the frames of a sound as they come; whenever there are too many columns, every two become one."""

    def __init__(self, spec: FrontEnd) -> None:
        """Start without sound; bands and frames are the front end's, their values power without pre-emphasis."""
        self.spec = replace(spec, pre_emphasis=0.0, exponent=2.0)
        self._samples = np.zeros(0, np.float32)
        self._columns = np.zeros((COLUMNS, spec.n_mels))
        self._full = self._pooled = 0
        self._frames_per_column = 1

    def over(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Yield mono blocks, float32 (n,), as they are, and look at them."""
        for block in blocks:
            self._push(block)
            yield block
        self._finish()

    def power(self) -> NDArray[np.float64]:
        """Return the mean mel power of each column, (columns, n_mels), of the sound so far."""
        count = self._full + (self._pooled > 0)
        columns = self._columns[:count].copy()
        columns[: self._full] /= self._frames_per_column
        columns[self._full :] /= max(1, self._pooled)
        return columns

    @property
    def column_seconds(self) -> float:
        """Seconds from one column to the next."""
        return self._frames_per_column * self.spec.hop_length / self.spec.sample_rate

    def _push(self, block: NDArray[np.float32]) -> None:
        hop, length = self.spec.hop_length, self.spec.n_fft
        self._samples = np.concatenate([self._samples, block])
        while len(self._samples) >= length + (_FRAMES - 1) * hop:
            part = self._samples[: length + (_FRAMES - 1) * hop]
            self._add(MelFrames.inside(part, self.spec).power())
            self._samples = self._samples[_FRAMES * hop :]

    def _finish(self) -> None:
        """Look at the last sound as well, filled up with silence."""
        hop, length = self.spec.hop_length, self.spec.n_fft
        if frames := -(-len(self._samples) // hop):
            filled = np.pad(self._samples, (0, length + (frames - 1) * hop - len(self._samples)))
            self._add(MelFrames.inside(filled, self.spec).power())

    def _add(self, power: NDArray[np.float32]) -> None:
        for frame in power:
            self._columns[self._full] += frame
            self._pooled += 1
            if self._pooled == self._frames_per_column:
                self._full, self._pooled = self._full + 1, 0
            if self._full == COLUMNS:
                self._columns[: COLUMNS // 2] = self._columns[0::2] + self._columns[1::2]
                self._columns[COLUMNS // 2 :] = 0
                self._full, self._frames_per_column = COLUMNS // 2, 2 * self._frames_per_column
