"""How much of the time a chain of iterators takes is spent in one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Seconds spent so far, of a clock that returns them."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock, self.seconds = clock, 0.0

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and count the time that it takes to get them, not that which is spent on them."""
        source = iter(items)
        while True:
            start = self.clock()
            try:
                item = next(source)
            except StopIteration:
                return
            finally:
                self.seconds += self.clock() - start
            yield item
