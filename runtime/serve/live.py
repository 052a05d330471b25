"""What sounds now: written by the thread that listens, read by every page."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHOWN_SECONDS = 30


@dataclass(frozen=True)
class Columns:
    """Spectrogram columns, uint8 (n, bands); the first is number `first` since the start."""

    first: int
    values: NDArray[np.uint8]


@dataclass
class Counts:
    """Totals since the start of the process."""

    hops: int = 0
    sound_seconds: float = 0.0
    busy_seconds: float = 0.0
    classified: int = 0
    answers: dict[int, int] = field(default_factory=dict)


class Live:
    """The newest state and the newest columns; every method may be called from every thread.

    Attributes
    ----------
    source
        "off" where nothing listens; "waiting" before the first sound; "listening"; "stalled"; or "ended".
    version
        Is another one after every change.
    closed
        Whether the server ends.
    """

    def __init__(self, bands: int, columns_per_second: float, source: str) -> None:
        """Start without sound."""
        self.source, self.version, self.closed, self.counts = source, 0, False, Counts()
        self._lock = threading.Lock()
        self._now: dict[str, Any] | None = None
        self._columns = np.zeros((max(1, round(SHOWN_SECONDS * columns_per_second)), bands), np.uint8)
        self._total = 0

    @property
    def length(self) -> int:
        """Columns that are kept."""
        return len(self._columns)

    def close(self) -> None:
        """Let readers end. It is called in a signal's handler, so it does not lock."""
        self.closed = True

    def set_source(self, source: str) -> None:
        """Change `source`."""
        with self._lock:
            if source != self.source:
                self.source, self.version = source, self.version + 1
                if source in ("stalled", "ended"):
                    self._now = None

    def add_sound(self, seconds: float, values: NDArray[np.uint8]) -> None:
        """Add the columns, uint8 (n, bands), of `seconds` of sound."""
        with self._lock:
            self.counts.sound_seconds += seconds
            values = values[-len(self._columns) :]
            self._columns = np.concatenate([self._columns[len(values) :], values])
            self._total, self.version = self._total + len(values), self.version + 1

    def add_hop(self, state: dict[str, Any], spent: float) -> None:
        """Replace the newest state, which took `spent` seconds of computing."""
        with self._lock:
            self._now, self.version = state, self.version + 1
            self.counts.hops += 1
            self.counts.busy_seconds += spent

    def now(self) -> dict[str, Any]:
        """Return the newest state: the keys of a line of `--listen --json`, and `source`; all but it may be absent."""
        with self._lock:
            return {"source": self.source, **(self._now or {})}

    def columns_from(self, first: int) -> Columns:
        """Return the columns from number `first` on that are still kept."""
        with self._lock:
            first = min(max(first, self._total - len(self._columns), 0), self._total)
            return Columns(first, self._columns[len(self._columns) - (self._total - first) :])

    def count_answer(self, status: int) -> None:
        """Count an answer of the server by its status."""
        with self._lock:
            self.counts.answers[status] = self.counts.answers.get(status, 0) + 1

    def count_classified(self) -> None:
        """Count a classified file."""
        with self._lock:
            self.counts.classified += 1
