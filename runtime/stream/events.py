"""Endless sound to a result and a decision after every hop, as text or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from runtime.classifier import Classifier
from runtime.stream.blocks import Blocks, Report
from runtime.stream.repair import repaired
from runtime.stream.sliding_window import HopResult, Stream
from runtime.stream.smoothing import Decider, Decision, Rules
from toolkit.audio.downmix import downmixed
from toolkit.audio.samples import SILENCE_DB, Resampler

SMOOTHED_SHARE = 1 / 3
"""Of a window, that probabilities are averaged over: a label follows sound as quickly as its windows do."""


@dataclass(frozen=True)
class Settings:
    """How to listen.

    Attributes
    ----------
    hop_seconds, window_seconds
        From one window to the next, and in a window; None for what suits the model (see `Stream`).
    silence
        Decibels: a quieter hop is silence.
    rules
        When the label changes.
    stall_seconds
        Without sound, after which the source counts as stalled.
    """

    hop_seconds: float | None = None
    silence: float = SILENCE_DB
    rules: Rules = Rules()
    stall_seconds: float = 10.0
    window_seconds: float | None = None


@dataclass(frozen=True)
class Hop:
    """A hop's result and the decision after it; `load` is the share of the hop's time spent on computing."""

    result: HopResult
    decision: Decision
    load: float


class Listener:
    """Accepts mono sound at the front end's rate; returns a result and a decision after every hop.

    Attributes
    ----------
    hop_seconds
        From one window to the next.
    share
        The newest window's weight in the average, `Decider.share`.
    """

    def __init__(self, classifier: Classifier, settings: Settings) -> None:
        """Start without sound; raise `UsageError` where the window or the hop is out of range."""
        self._classifier, self._settings = classifier, settings
        self._stream = self._new_stream()
        self.hop_seconds = self._stream.hop_seconds
        rules = settings.rules
        if rules.smoothing is None:
            rules = replace(rules, smoothing=self._stream.window_seconds * SMOOTHED_SHARE)
        if rules.min_confidence is None:
            rules = replace(rules, min_confidence=classifier.card.min_confidence or None)
        self._decider = Decider(classifier.labels, rules, self.hop_seconds, classifier.card.thresholds)
        self.share = self._decider.share

    def push(self, samples: NDArray[np.float32]) -> Iterator[Hop]:
        """Yield the hops that the next samples, float32 (n,), complete; errors are those of `Stream.push`."""
        return self._decided(self._stream.push(samples))

    def restart(self) -> None:
        """Start a new window: sound that follows does not continue sound before it."""
        self._stream = self._new_stream()
        self._decider.forget()

    def finish(self) -> Iterator[Hop]:
        """Yield a hop for the rest of the sound, which is shorter than one."""
        return self._decided(self._stream.finish())

    def _new_stream(self) -> Stream:
        settings = self._settings
        return Stream(self._classifier, settings.hop_seconds, settings.silence, settings.window_seconds)

    def _decided(self, results: Iterable[HopResult]) -> Iterator[Hop]:
        for result in results:
            yield Hop(result, self._decider.decide(result), result.spent / self.hop_seconds)


def listen(classifier: Classifier, blocks: Blocks, rate: int, settings: Settings, report: Report) -> Generator[Hop]:
    """Yield what a `Listener` does of the sound in `blocks`, samples (n, channels) at `rate`; None starts a new window.

    `report` is called where samples are damaged or channels cancel.

    Raises
    ------
    AudioError, UsageError
        If a rate or the hop is out of range.
    EngineError
        If the network fails.
    """
    listener, model_rate = Listener(classifier, settings), classifier.card.front_end.sample_rate
    resampler = Resampler(rate, model_rate)
    for block in downmixed(repaired(blocks, report), rate, report):
        if block is None:
            listener.restart()
            resampler = Resampler(rate, model_rate)
            continue
        yield from listener.push(resampler.push(block))


def as_json(event: Hop, labels: tuple[str, ...]) -> str:
    """Return one JSON object: time (UTC), at, state, label, confidence, changed, probabilities, level_db, load.

    `state` is "label", "silence" or "unknown"; without a label, `label` repeats it. Of a multi-label network, `label`
    is the most probable of the `labels`, which follow it.
    """
    scores = event.decision.probabilities
    value = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "at": round(event.result.end, 3),
        "state": event.decision.state,
        "label": event.decision.word,
        **({} if event.decision.labels is None else {"labels": event.decision.labels}),
        "confidence": event.decision.confidence,
        "changed": event.decision.changed,
        "probabilities": None if scores is None else dict(zip(labels, scores, strict=True)),
        "level_db": round(event.result.level, 1),
        "load": round(event.load, 4),
    }
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def as_line(event: Hop) -> str:
    """Return one line for people: clock, label, probability, level; a star where the label is new."""
    minutes, seconds = divmod(int(event.result.end), 60)
    confidence = event.decision.confidence
    sure = "" if confidence is None else f"{confidence:6.1%}"
    mark = "*" if event.decision.changed else " "
    clock = f"{minutes // 60:2}:{minutes % 60:02}:{seconds:02}"
    word = "; ".join(event.decision.labels or (event.decision.word,))
    return f"{clock} {mark} {word:<12} {sure:>6}  {event.result.level:6.1f} dB"
