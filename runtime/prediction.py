"""A network's result for one clip."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MANY, FEW = 20, 10
"""Of more classes than many, few are shown."""


class State(StrEnum):
    """What a sound is: of a class, silence, or of no class that is probable enough. A class may have any name."""

    LABEL = "label"
    SILENCE = "silence"
    UNKNOWN = "unknown"


class Window(NamedTuple):
    """The result for a window from `start` to `end`, in seconds: probabilities in the order of `Prediction.labels`.

    A window that is `silent` does not count towards the clip's probabilities, unless all are.
    """

    start: float
    end: float
    probabilities: tuple[float, ...]
    silent: bool = False


class Prediction(NamedTuple):
    """A network's result for one clip.

    Attributes
    ----------
    labels
        Class names, most probable first.
    probabilities
        Their probabilities in the same order: the mean of those of the windows that are not silent. They add up to 1,
        unless the network is a multi-label one.
    windows
        The windows of about 30 s that a longer sound was cut into; one for any other.
    timings_ms
        Milliseconds spent on "read" (decode), "resample" (mono, rate), "front_end" (samples to the network input),
        "network", "post" (all else), and their sum, "total".
    model
        Name and precision of the network, e.g. "gtzanet-int8".
    warnings
        What is doubtful about the file, a sentence each.
    active
        Of a multi-label network, the labels whose probabilities reach their thresholds, most probable first. None of
        any other network.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    windows: tuple[Window, ...]
    timings_ms: dict[str, float]
    model: str
    warnings: tuple[str, ...] = ()
    active: tuple[str, ...] | None = None

    @property
    def silent(self) -> bool:
        """Whether every window is silent; the probabilities mean nothing then."""
        return all(window.silent for window in self.windows)

    def active_from(self, least: float | None) -> tuple[str, ...]:
        """Return the labels that are as probable as `least`; None stands for a multi-label network's thresholds."""
        if least is None and self.active is not None:
            return self.active
        pairs = zip(self.labels, self.probabilities, strict=True)
        return tuple(label for label, probability in pairs if probability >= (least or 0))

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.labels[0]

    @property
    def confidence(self) -> float:
        """The probability of the most probable class."""
        return self.probabilities[0]

    def by_label(self) -> dict[str, float]:
        """Return the probability of every class, most probable first."""
        return dict(zip(self.labels, self.probabilities, strict=True))
