"""From the probabilities of one window after another to a label that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.output import UNKNOWN
from runtime.stream.sliding_window import Heard

SILENCE = "silence"


@dataclass(frozen=True)
class Rules:
    """When the label changes.

    Attributes
    ----------
    smoothing
        Seconds: probabilities are averaged with weights that fall by a factor e in this time. 0 takes each as it is.
    margin
        How much more probable than the current label another must be to take its place.
    min_confidence
        Below it the label is "unknown"; a label that is there stays until it is `margin` below.
    """

    smoothing: float = 10.0
    margin: float = 0.1
    min_confidence: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The label after a window, its probability (None for "unknown" and "silence"), and whether it is a new one.

    `probabilities` are the averaged ones in the order of the labels; None in silence.
    """

    label: str
    confidence: float | None
    changed: bool
    probabilities: tuple[float, ...] | None


class Decider:
    """Decides window by window."""

    def __init__(self, labels: Sequence[str], rules: Rules, hop_seconds: float) -> None:
        """Start without a label; windows follow each other by `hop_seconds`."""
        self._labels, self._rules = tuple(labels), rules
        self._share = 1 - math.exp(-hop_seconds / rules.smoothing) if rules.smoothing > 0 else 1.0
        self._average: tuple[float, ...] | None = None
        self._label: str | None = None

    def decide(self, heard: Heard) -> Decision:
        """Return the label after another window. Silence forgets what was before it."""
        if heard.probabilities is None:
            self._average = None
            return self._decision(SILENCE)
        if self._average is None:
            self._average = heard.probabilities
        else:
            share = self._share
            pairs = zip(self._average, heard.probabilities, strict=True)
            self._average = tuple(old + share * (new - old) for old, new in pairs)
        return self._decision(self._next(dict(zip(self._labels, self._average, strict=True))))

    def _next(self, scores: dict[str, float]) -> str:
        best = max(scores, key=lambda label: scores[label])
        current, rules = self._label, self._rules
        if current in scores:
            if scores[best] >= max(rules.min_confidence, scores[current] + rules.margin):
                return best
            return current if scores[current] >= rules.min_confidence - rules.margin else UNKNOWN
        return best if scores[best] >= rules.min_confidence else UNKNOWN

    def _decision(self, label: str) -> Decision:
        changed, self._label = label != self._label, label
        has_probability = self._average is not None and label in self._labels
        confidence = self._average[self._labels.index(label)] if has_probability and self._average else None
        return Decision(label, confidence, changed, self._average)
