"""A sound that has been read for a classifier, also in a thread while the engine loads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from toolkit.audio.decode import Sound, read
from toolkit.stopwatch import Stopwatch

T = TypeVar("T")


class Reading(NamedTuple):
    """A sound at the rate of a front end, and the seconds that "read" (decode) and "resample" (mono, rate) took."""

    sound: Sound
    stage_seconds: dict[str, float]


def timed(reader: Callable[[Stopwatch], Sound], decoding: Stopwatch) -> Reading:
    """Return what `reader(decoding)` reads; the rest of its time is the resampling's."""
    start = decoding.clock()
    sound = reader(decoding)
    seconds = decoding.clock() - start
    return Reading(sound, {"read": decoding.seconds, "resample": seconds - decoding.seconds})


class _Signal(Stopwatch):
    """The stopwatch of a thread's own time; it sets an event when decoding starts."""

    def __init__(self, event: threading.Event) -> None:
        super().__init__(time.thread_time)
        self._event = event

    def over(self, items: Iterable[T]) -> Iterator[T]:
        self._event.set()
        return super().over(items)


class Ahead:
    """A sound file that a thread reads while this one does something else.

    To decode needs no interpreter's lock, but to open a file does, and an engine that loads holds it for long. So this
    waits until the file is open.
    """

    def __init__(self, path: Path, rate: int) -> None:
        """Begin to read a file at `rate`; errors are raised by `result`."""
        self._path, self._rate = path, rate
        self._outcome: Reading | Exception | None = None
        self._decodes = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._decodes.wait()

    def wait(self) -> None:
        """Wait until the file is read, or cannot be read."""
        self._thread.join()

    def result(self) -> Reading:
        """Return the sound, once, as it is not kept; the errors are those of `toolkit.audio.decode.read`."""
        self.wait()
        outcome, self._outcome = self._outcome, None
        if isinstance(outcome, Exception):
            raise outcome
        assert outcome is not None
        return outcome

    def _run(self) -> None:
        try:
            self._outcome = timed(lambda decoding: read(self._path, self._rate, decoding), _Signal(self._decodes))
        except Exception as error:
            self._outcome = error
        finally:
            self._decodes.set()
