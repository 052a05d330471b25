"""Decisions to events in the log, with the boundaries and the scores that a timeline has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.serve.clips import Clips, QuotaError
from runtime.serve.event_log import EventLog
from runtime.stream.blocks import Report
from runtime.stream.events import Hop
from runtime.timeline.events import applying
from runtime.timeline.spans import Span

KEPT_WINDOWS = 2
"""An event's end is decided of up to a window later."""
WRITE_SECONDS = 1.0
"""An event that goes on is written once in this time."""
DRIFT = 0.01
"""The share by which a sound card's clock may differ from the computer's."""
STEP_SECONDS = 1.0
"""A change of the computer's clock by more is a step, as a device without a battery makes when the network tells it."""


class Recent:
    """The newest sound since its last gap, as 16-bit samples at `rate`, and the time of its first sample."""

    def __init__(self, rate: int, window_seconds: float) -> None:
        """Keep `KEPT_WINDOWS` windows."""
        self.rate, self.window_seconds = rate, window_seconds
        self._kept = np.zeros(round(KEPT_WINDOWS * window_seconds * rate), np.int16)
        self.restart()

    def restart(self) -> None:
        """Forget everything: sound that follows does not continue it."""
        self._total, self.origin = 0, time.time()
        self._clock = time.time() - time.monotonic()

    @property
    def seconds(self) -> float:
        """Of sound since the last gap."""
        return self._total / self.rate

    def push(self, samples: NDArray[np.float32]) -> None:
        """Add samples, float32 (n,)."""
        if self._total == 0:
            self.origin = time.time() - len(samples) / self.rate
        kept = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[-len(self._kept) :]
        self._kept = np.concatenate([self._kept[len(kept) :], kept])
        step = time.time() - time.monotonic() - self._clock
        if abs(step) > STEP_SECONDS:
            self._clock, self.origin = self._clock + step, self.origin + step
        before, self._total = self.seconds, self._total + len(samples)
        late, most = time.time() - self.origin - self.seconds, DRIFT * (self.seconds - before)
        self.origin += min(max(late, -most), most)

    def between(self, start: float, end: float) -> NDArray[np.float32]:
        """Return the samples between two times in seconds since the last gap, at most a window before `end`."""
        last = min(round(end * self.rate), self._total)
        first = max(round(max(start, end - self.window_seconds) * self.rate), self._total - len(self._kept), 0)
        size = len(self._kept)
        part = self._kept[size - (self._total - first) : size - (self._total - last)]
        return part.astype(np.float32) / np.float32(32768)

    def newest(self) -> NDArray[np.float32]:
        """Return the newest window of sound, or what there is of it."""
        return self.between(0, self.seconds)


@dataclass
class _Open:
    """An event that goes on: its row, its times, its probability times seconds, and until when the row is right.

    Until a `span` of it has come, its start is that of the hop after which it was decided.
    """

    row: int
    start: float
    end: float
    total: float
    written: float
    hop: int
    settled: bool


class Recorder:
    """Writes events as soon as they are decided, and corrects their times to those of a timeline, which come later.

    Where the log cannot be written (a full disk, another program that holds it), it says so once and goes on.
    """

    def __init__(
        self, log: EventLog, clips: Clips | None, recent: Recent, labels: tuple[str, ...], report: Report
    ) -> None:
        """Start without events; without `clips` none is kept; `report` is called where one cannot be."""
        self._log, self._clips, self._recent, self._labels = log, clips, recent, labels
        self._report = report
        self._open: dict[str, _Open] = {}
        self._hops, self._heard, self._silent, self._is_failing = 0, 0.0, False, False

    def hear(self, hop: Hop) -> None:
        """Write what is decided after the next hop."""
        with self._reported():
            self._hear(hop)

    def _hear(self, hop: Hop) -> None:
        if self._silent:  # the last span before the silence has come
            self.end()
        self._silent = hop.result.probabilities is None
        self._hops, previous, end = self._hops + 1, self._heard, hop.result.end
        self._heard = end
        for label, probability in applying(Span(previous, end, hop.decision), self._labels):
            event = self._open.get(label)
            if event is None:
                event = self._begin(label, previous, end, probability, settled=False)
            event.hop = self._hops
            if end - event.written >= WRITE_SECONDS:
                self._write(event, end, probability)
        for label, event in list(self._open.items()):
            if not event.settled and event.hop < self._hops - 1:
                self._log.remove(self._open.pop(label).row)

    def add(self, span: Span) -> None:
        """Add the next part of a timeline; what it does not continue ends."""
        with self._reported():
            self._add(span)

    def _add(self, span: Span) -> None:
        applies = dict(applying(span, self._labels))
        for label, event in list(self._open.items()):
            if event.settled and (label not in applies or span.start > event.end):
                self._end(label)
        for label, probability in applies.items():
            event = self._open.get(label) or self._begin(label, span.start, span.end, probability, settled=True)
            if not event.settled:
                event.start, event.settled = span.start, True
            event.end, event.total = span.end, event.total + (span.end - span.start) * probability

    def restart(self) -> None:
        """End all events: sound that follows does not continue them."""
        self.end()
        self._heard, self._silent = 0.0, False

    def end(self) -> None:
        """End all events."""
        for label, event in list(self._open.items()):
            with self._reported():
                if event.settled:
                    self._end(label)
                else:
                    self._log.remove(self._open.pop(label).row)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                self._report(f"events are lost: the log {error.strerror}")
            self._is_failing = True

    def _begin(self, label: str, start: float, end: float, probability: float, settled: bool) -> _Open:
        origin = self._recent.origin
        row = self._log.add(origin + start, origin + end, label, probability)
        self._open[label] = _Open(row, start, start, 0.0, end, self._hops, settled)
        return self._open[label]

    def _write(self, event: _Open, end: float, probability: float = 0.0) -> None:
        """Write an event as one that ends at `end`; before a span of it came, with a hop's `probability`."""
        event.written, origin = end, self._recent.origin
        mean = event.total / (event.end - event.start) if event.settled else probability
        self._log.change(event.row, origin + event.start, origin + end, mean)

    def _end(self, label: str) -> None:
        event = self._open.pop(label)
        self._write(event, event.end)
        samples = self._recent.between(event.start, event.end)
        if self._clips is None or not len(samples):
            return
        try:
            self._log.set_clip(event.row, self._clips.save(samples, self._recent.rate, None))
        except (QuotaError, OSError) as error:
            self._report(f"a clip of {label} is not kept: {error}")
