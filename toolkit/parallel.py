"""Work on many items in a few threads, with progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from toolkit.processors import usable_processors

Progress = Callable[[int, int], None]
"""Called as `progress(done, total)` from the calling thread after every finished item."""

T = TypeVar("T")
R = TypeVar("R")

MOST_THREADS = 8
AHEAD = 2
"""Items per thread that are begun before the first of them is done."""


def iter_threads(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """Yield `function(item)` of every item, in order, computed in at most eight threads, no more than there are cores.

    Few results wait to be yielded, so that memory is flat. The first exception stops the work that has not begun.
    """
    threads = max(1, min(MOST_THREADS, usable_processors()))
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def map_threads(function: Callable[[T], R], items: Sequence[T], progress: Progress | None = None) -> list[R]:
    """Return `[function(item) for item in items]`, computed as by `iter_threads`."""
    results = []
    for result in iter_threads(function, items):
        results.append(result)
        if progress is not None:
            progress(len(results), len(items))
    return results
