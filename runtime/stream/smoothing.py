"""From the probabilities of one window after another to a label that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.prediction import State
from runtime.stream.sliding_window import HopResult


@dataclass(frozen=True)
class Rules:
    """When the label changes.

    Attributes
    ----------
    smoothing
        Seconds: probabilities are averaged with weights that fall by a factor e in this time. 0 leaves each as it is.
    margin
        How much more probable than the current label its successor must be.
    min_confidence
        Below it the state is unknown; the current label stays until it is `margin` below.
    """

    smoothing: float = 10.0
    margin: float = 0.1
    min_confidence: float = 0.0


@dataclass(frozen=True)
class Decision:
    """What is decided after a window.

    Attributes
    ----------
    state
        Whether there is a label.
    label
        The class; None in the other states.
    confidence
        Its probability; None in the other states.
    changed
        Whether state or label are new.
    probabilities
        Averages in the order of the labels; None in silence.
    """

    state: State
    label: str | None
    confidence: float | None
    changed: bool
    probabilities: tuple[float, ...] | None

    @property
    def word(self) -> str:
        """The label, or else "silence" or "unknown". A class may have such a name: `state` differs."""
        return self.state.value if self.label is None else self.label


class Decider:
    """Decides window by window."""

    def __init__(self, labels: Sequence[str], rules: Rules, hop_seconds: float) -> None:
        """Start without a label; windows follow each other by `hop_seconds`."""
        self._labels, self._rules = tuple(labels), rules
        self._share = 1 - math.exp(-hop_seconds / rules.smoothing) if rules.smoothing > 0 else 1.0
        self._average: tuple[float, ...] | None = None
        self._state: State | None = None
        self._label: str | None = None

    def forget(self) -> None:
        """Drop the average: sound before a gap has no part in what comes after it."""
        self._average = None

    def decide(self, result: HopResult) -> Decision:
        """Return the decision after another window. Silence forgets what was before it."""
        if result.probabilities is None:
            self.forget()
            return self._decision(State.SILENCE, None, None)
        if self._average is None:
            self._average = result.probabilities
        else:
            share = self._share
            pairs = zip(self._average, result.probabilities, strict=True)
            self._average = tuple(old + share * (new - old) for old, new in pairs)
        scores = dict(zip(self._labels, self._average, strict=True))
        label = self._next(scores)
        if label is None:
            return self._decision(State.UNKNOWN, None, None)
        return self._decision(State.LABEL, label, scores[label])

    def _next(self, scores: dict[str, float]) -> str | None:
        best = max(scores, key=lambda label: scores[label])
        current, rules = self._label, self._rules
        if current is None:
            return best if scores[best] >= rules.min_confidence else None
        if scores[best] >= max(rules.min_confidence, scores[current] + rules.margin):
            return best
        return current if scores[current] >= rules.min_confidence - rules.margin else None

    def _decision(self, state: State, label: str | None, confidence: float | None) -> Decision:
        changed = (state, label) != (self._state, self._label)
        self._state, self._label = state, label
        return Decision(state, label, confidence, changed, self._average)
