"""Samples to events: what sounds from when to when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runtime.classifier import Classifier
from runtime.stream import events as stream
from runtime.stream.sliding_window import HOP_SECONDS
from runtime.timeline.spans import Span, spans

HOPS_IN_WINDOW = 5
"""Unless a hop is given: an event's boundary is then off by a quarter of a window at most (docs/timeline.md)."""


@dataclass(frozen=True)
class Settings:
    """How sound becomes events.

    Attributes
    ----------
    listening
        Window, hop, silence and rules, as for endless sound. Without a hop it is a fifth of a window, at most 5 s.
    merge_seconds
        Events of one label that are no further apart than this are one event.
    """

    listening: stream.Settings = stream.Settings()
    merge_seconds: float = 0.0


@dataclass(frozen=True)
class Event:
    """A label that applies from `start` to `end`, in seconds since the beginning of the sound.

    `score` is the mean over this time of the label's probability, averaged over windows as in listening.
    """

    start: float
    end: float
    label: str
    score: float


def events_of(
    classifier: Classifier, source: Iterable[NDArray[np.float32]], settings: Settings = Settings()
) -> Iterator[Event]:
    """Yield the events of a sound, by their start and then their end.

    They do not depend on how the sound is cut into blocks. Labels that exclude each other give events that follow each
    other, each of the winning label; of a multi-label network, events of several labels overlap. Silence is no event,
    and neither is sound of which no label is probable enough.

    Parameters
    ----------
    classifier
        The network and its front end.
    source
        Mono samples at the front end's rate, float32 (n,) per block; each is read once.
    settings
        How they become events.

    Raises
    ------
    AudioError
        If samples are not finite, or the source fails.
    UsageError
        If the window or the hop is out of range.
    EngineError
        If the network fails.
    """
    listener = stream.Listener(classifier, listening_of(classifier, settings))
    decided = spans(_hops(listener, source), listener.share)
    yield from _joined(decided, classifier.labels, settings.merge_seconds)


def listening_of(classifier: Classifier, settings: Settings) -> stream.Settings:
    """Return how to listen for a timeline: with a hop."""
    listening = settings.listening
    if listening.hop_seconds is not None:
        return listening
    window = listening.window_seconds or classifier.card.front_end.window_seconds
    return replace(listening, hop_seconds=min(HOP_SECONDS, window / HOPS_IN_WINDOW))


def _hops(listener: stream.Listener, source: Iterable[NDArray[np.float32]]) -> Iterator[stream.Hop]:
    for block in source:
        yield from listener.push(block)
    yield from listener.finish()


@dataclass
class _Growing:
    """An event that may go on: its seconds that are no gap, and the sum of its probability over them."""

    start: float
    end: float
    seconds: float = 0.0
    total: float = 0.0

    def add(self, span: Span, probability: float) -> None:
        seconds = span.end - span.start
        self.end, self.seconds, self.total = span.end, self.seconds + seconds, self.total + seconds * probability


def _joined(decided: Iterable[Span], labels: tuple[str, ...], gap: float) -> Iterator[Event]:
    """Yield the events of spans in order: those of one label that are at most `gap` seconds apart are one."""
    growing: dict[str, _Growing] = {}
    ended: list[Event] = []

    def end(label: str) -> None:
        event = growing.pop(label)
        ended.append(Event(event.start, event.end, label, event.total / event.seconds))

    for span in decided:
        for label in [label for label, event in growing.items() if span.start - event.end > gap]:
            end(label)
        for label, probability in applying(span, labels):
            growing.setdefault(label, _Growing(span.start, span.end)).add(span, probability)
        first = min((event.start for event in growing.values()), default=math.inf)
        yield from _in_order([event for event in ended if event.start < first])
        ended = [event for event in ended if event.start >= first]
    for label in list(growing):
        end(label)
    yield from _in_order(ended)


def _in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.start, event.end, event.label))


def applying(span: Span, labels: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Yield the labels that apply in a span, and their probabilities."""
    decision = span.decision
    if decision.label is None or decision.probabilities is None:
        return
    for label in decision.labels or (decision.label,):
        yield label, decision.probabilities[labels.index(label)]
