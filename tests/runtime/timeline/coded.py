"""A network whose output is known: the shares of a window that hold sounds, which are coded in the magnitude."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.classifier import Classifier
from tests.cards import example_card
from toolkit.artifact.card import input_shape
from toolkit.artifact.card_sections import TensorCard
from toolkit.frontend.presets import PRESETS

LABELS = ("rest", "dog", "bird", "frog")
"""Each is a bit of the magnitude times 20."""
REST, DOG, BIRD, FROG = 1, 2, 4, 8
RATE = 16_000
WINDOW = 2.0


class _Coded:
    name, threads = "coded", 1

    def __init__(self, thresholds: tuple[float, ...], slope: float) -> None:
        spec = replace(PRESETS["log-mel"], window_seconds=WINDOW, short="tile")
        tensor = TensorCard("float32", input_shape(spec, "waveform"), "NC", None, None)
        card = replace(example_card(labels=LABELS), front_end=spec, input_level="waveform", input=tensor)
        self.card = replace(card, activation="sigmoid", thresholds=thresholds) if thresholds else card
        self._slope = slope

    def run(self, batch: Any) -> Any:
        codes = np.rint(np.abs(batch[0]) * 20).astype(int)
        shares = np.array([((codes & 1 << bit) > 0).mean() for bit in range(len(LABELS))])
        if self._slope:
            shares = 1 / (1 + np.exp(-self._slope * (shares - 0.5)))
        return shares[np.newaxis].astype(np.float32)


def classifier(*, thresholds: tuple[float, ...] = (), slope: float = 0.0) -> Classifier:
    """Return a classifier that returns shares, or with a slope a logistic function of them, 0.5 at a half."""
    return Classifier(_Coded(thresholds, slope))


def sound(*parts: tuple[int, float]) -> NDArray[np.float32]:
    """Return parts of so many seconds at 16 kHz, each of the sum of its sounds' codes, 0 for silence."""
    codes = np.concatenate([np.full(round(seconds * RATE), code) for code, seconds in parts])
    return (codes / 20 * (-1.0) ** np.arange(len(codes))).astype(np.float32)
