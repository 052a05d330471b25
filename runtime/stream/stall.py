"""Notice that no sound comes from a source, even while reading from it blocks."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic

from runtime.stream.blocks import Blocks, Report


def watched(blocks: Blocks, seconds: float, report: Report, stalled: Callable[[], None]) -> Blocks:
    """Yield blocks; where the wait for one takes `seconds`, report it, call `stalled`, and yield None before the next.

    A thread notices this while the source blocks. The time that the caller spends between blocks does not count.
    """

    def notice() -> None:
        report(f"no sound for {seconds:g} s; waiting")
        stalled()

    watchdog = _Watchdog(seconds, notice)
    try:
        for block in blocks:
            if block is not None and watchdog.pause():
                report("sound again")
                yield None
            yield block
            if block is not None:
                watchdog.resume()
    finally:
        watchdog.end()


class _Watchdog:
    """Calls `notice` once for each time that lasts `seconds` between `resume` and `pause`."""

    def __init__(self, seconds: float, notice: Callable[[], None]) -> None:
        self._seconds, self._notice = seconds, notice
        self._since, self._stalled = monotonic(), False
        self._lock, self._ended = threading.Lock(), threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def pause(self) -> bool:
        """Return whether the source had stalled."""
        with self._lock:
            self._check()
            stalled, self._stalled, self._since = self._stalled, False, math.inf
            return stalled

    def resume(self) -> None:
        self._since = monotonic()

    def end(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        remaining = self._seconds
        while not self._ended.wait(remaining if 0 < remaining < self._seconds else self._seconds):
            with self._lock:
                remaining = self._check()

    def _check(self) -> float:
        """Return the seconds until the source stalls; call `notice` when it does."""
        remaining = self._since + self._seconds - monotonic()
        if remaining <= 0 and not self._stalled:
            self._stalled = True
            self._notice()
        return remaining
