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
        Seconds: probabilities are averaged with weights that fall by a factor e in this time. 0 leaves each as it is;
        None is a third of the model's window.
    margin
        How much more probable than the current label its successor must be.
    min_confidence
        Below it the state is unknown; the current label stays until it is `margin` below. None for 0, or a multi-label
        network's own thresholds.
    """

    smoothing: float | None = None
    margin: float = 0.1
    min_confidence: float | None = None


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
    labels
        Of a multi-label network, all labels that apply, most probable first; None of any other.
    """

    state: State
    label: str | None
    confidence: float | None
    changed: bool
    probabilities: tuple[float, ...] | None
    labels: tuple[str, ...] | None = None

    @property
    def word(self) -> str:
        """The label, or else "silence" or "unknown". A class may have such a name: `state` differs."""
        return self.state.value if self.label is None else self.label


class Decider:
    """Decides window by window.

    Labels that exclude each other follow each other. With `thresholds`, each label of a multi-label network is on from
    its threshold until it is `Rules.margin` below it, or below half of it where that is more.

    Attributes
    ----------
    share
        The newest window's weight in the average; it falls by 1 - share with each window after it.
    """

    def __init__(
        self, labels: Sequence[str], rules: Rules, hop_seconds: float, thresholds: Sequence[float] = ()
    ) -> None:
        """Start without a label; windows follow each other by `hop_seconds`, and `rules.smoothing` is a number."""
        self._labels, self._rules = tuple(labels), rules
        self._least = rules.min_confidence or 0.0
        override = rules.min_confidence
        self._thresholds = [limit if override is None else override for limit in thresholds]
        self._active: tuple[str, ...] = ()
        self.share = 1 - math.exp(-hop_seconds / rules.smoothing) if rules.smoothing else 1.0
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
            share = self.share
            pairs = zip(self._average, result.probabilities, strict=True)
            self._average = tuple(old + share * (new - old) for old, new in pairs)
        scores = dict(zip(self._labels, self._average, strict=True))
        if self._thresholds:
            return self._several(scores)
        label = self._next(scores)
        if label is None:
            return self._decision(State.UNKNOWN, None, None)
        return self._decision(State.LABEL, label, scores[label])

    def _several(self, scores: dict[str, float]) -> Decision:
        """Return the decision of a multi-label network: its label is the most probable one that applies."""
        limits = zip(self._labels, self._thresholds, strict=True)
        on = [
            label
            for label, limit in limits
            if scores[label] >= (max(limit - self._rules.margin, limit / 2) if label in self._active else limit)
        ]
        active = tuple(sorted(on, key=lambda label: -scores[label]))
        if not active:
            return self._decision(State.UNKNOWN, None, None)
        return self._decision(State.LABEL, active[0], scores[active[0]], active)

    def _next(self, scores: dict[str, float]) -> str | None:
        best = max(scores, key=lambda label: scores[label])
        current, rules = self._label, self._rules
        if current is None:
            return best if scores[best] >= self._least else None
        if scores[best] >= max(self._least, scores[current] + rules.margin):
            return best
        return current if scores[current] >= self._least - rules.margin else None

    def _decision(
        self, state: State, label: str | None, confidence: float | None, active: tuple[str, ...] = ()
    ) -> Decision:
        changed = state != self._state or (
            set(active) != set(self._active) if self._thresholds else label != self._label
        )
        self._state, self._label, self._active = state, label, active
        return Decision(state, label, confidence, changed, self._average, active if self._thresholds else None)
