"""Endless sound to a label after every hop, as text or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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
    hop_seconds
        From one window to the next; None for what suits the model (see `Stream`).
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


@dataclass(frozen=True)
class Event:
    """A hop's result and the decision after it; `load` is the share of the hop's time spent on computing."""

    result: HopResult
    decision: Decision
    load: float


def listen(classifier: Classifier, blocks: Blocks, rate: int, settings: Settings, report: Report) -> Generator[Event]:
    """Yield an event for each hop of sound in `blocks`, samples (n, channels) at `rate`; None starts a new window.

    `report` is called where samples are damaged or channels cancel.

    Raises
    ------
    AudioError, UsageError
        If a rate or the hop is out of range.
    EngineError
        If the network fails.
    """
    stream, resampler = _fresh(classifier, rate, settings)
    rules = settings.rules
    if rules.smoothing is None:
        rules = replace(rules, smoothing=classifier.card.front_end.window_seconds * SMOOTHED_SHARE)
    decider = Decider(classifier.labels, rules, stream.hop_seconds, classifier.card.thresholds)
    for block in downmixed(repaired(blocks, report), rate, report):
        if block is None:
            stream, resampler = _fresh(classifier, rate, settings)
            decider.forget()
            continue
        for result in stream.push(resampler.push(block)):
            yield Event(result, decider.decide(result), result.spent / stream.hop_seconds)


def _fresh(classifier: Classifier, rate: int, settings: Settings) -> tuple[Stream, Resampler]:
    model_rate = classifier.card.front_end.sample_rate
    return Stream(classifier, settings.hop_seconds, settings.silence), Resampler(rate, model_rate)


def as_json(event: Event, labels: tuple[str, ...]) -> str:
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


def as_line(event: Event) -> str:
    """Return one line for people: clock, label, probability, level; a star where the label is new."""
    minutes, seconds = divmod(int(event.result.end), 60)
    confidence = event.decision.confidence
    sure = "" if confidence is None else f"{confidence:6.1%}"
    mark = "*" if event.decision.changed else " "
    clock = f"{minutes // 60:2}:{minutes % 60:02}:{seconds:02}"
    word = "; ".join(event.decision.labels or (event.decision.word,))
    return f"{clock} {mark} {word:<12} {sure:>6}  {event.result.level:6.1f} dB"
