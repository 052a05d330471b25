"""How far a run is, and what it did in the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.catalogue.row import Row

REASONS = 1_000
"""So many kinds of failures are counted one by one."""
SHOWN = 5
SECONDS_ON_TERMINAL, SECONDS_IN_FILE = 0.2, 30.0


@dataclass
class Summary:
    """What a run did.

    Attributes
    ----------
    classified, failed
        Files with a result, and with the reason why there is none.
    unchanged
        Files that had a row before.
    known
        How many files the store had rows of before.
    unreachable
        Files and folders that are gone or cannot be read.
    audio_seconds
        Seconds of sound in the files that were classified.
    seconds
        How long it took.
    reasons
        Why files failed or could not be reached, and how many.
    """

    classified: int = 0
    failed: int = 0
    unchanged: int = 0
    known: int = 0
    unreachable: int = 0
    audio_seconds: float = 0.0
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """Count a row."""
        if row.error is None:
            self.classified += 1
            self.audio_seconds += row.duration or 0.0
        else:
            self.failed += 1
            self._count(row.error)

    def add_unreachable(self, reason: OSError) -> None:
        """Count a file or folder that cannot be reached."""
        self.unreachable += 1
        self._count(reason.strerror or str(reason))

    def _count(self, reason: str) -> None:
        kind = reason.partition(" (")[0]
        self.reasons[kind if kind in self.reasons or len(self.reasons) < REASONS else "other reasons"] += 1

    def lines(self, out: str) -> list[str]:
        """Return it as text."""
        speed = self.audio_seconds / self.seconds if self.seconds else 0.0
        lines = [
            f"{out}: {self.classified:,} files classified, {self.failed:,} failed, {self.unchanged:,} unchanged",
            f"{_hours(self.audio_seconds)} of audio in {_clock(self.seconds)}, {speed:,.0f} times real time",
        ]
        if self.unreachable:
            lines.append(f"{self.unreachable:,} files and folders cannot be reached: the next run tries them again")
        lines += [f"  {count:,} x {reason}" for reason, count in self.reasons.most_common(SHOWN)]
        if len(self.reasons) > SHOWN:
            lines.append(f"  and {len(self.reasons) - SHOWN:,} reasons more")
        if self.failed:
            lines.append("failed files are kept with their reason; --retry-failed tries them again")
        return lines


class ProgressLine:
    """How far a run is: on a terminal its last line, elsewhere a line now and then."""

    def __init__(self, total: Callable[[], int | None]) -> None:
        """Start; `total` returns the number of all files where it is known by now."""
        self._total, self._start = total, time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._shown = self._start

    def show(self, summary: Summary) -> None:
        """Show a run, if the last time is long enough ago."""
        now = time.monotonic()
        if now - self._shown < (SECONDS_ON_TERMINAL if self._terminal else SECONDS_IN_FILE):
            return
        self._shown = now
        line = progress_text(summary, self._total(), now - self._start)
        print(f"\r\033[K{line}" if self._terminal else line, end="" if self._terminal else "\n", file=sys.stderr)
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave a terminal's line empty."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def progress_text(summary: Summary, total: int | None, seconds: float) -> str:
    """Return how far a run is after some seconds: files, failures, rate, and the time left where the total is known."""
    computed = summary.classified + summary.failed
    done, rate = summary.unchanged + computed, computed / seconds if seconds else 0.0
    parts = [f"{done:,} of {'?' if total is None else f'{total:,}'} files", f"{summary.failed:,} failed"]
    parts.append(f"{rate:,.1f} a second")
    if total is not None and rate:
        skipped = max(0, summary.known - summary.unchanged)  # which takes no time
        parts.append(f"{_clock(max(0, total - done - skipped) / rate)} left")
    return ", ".join(parts)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours" if seconds >= 3600 else f"{seconds / 60:,.1f} minutes"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
