"""Work on many items in a few threads, with progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from toolkit.processors import usable_processors

Progress = Callable[[int, int], None]
"""Called as `progress(done, total)` from the calling thread after every finished item."""

T = TypeVar("T")
R = TypeVar("R")

MOST_THREADS = 8


def map_threads(function: Callable[[T], R], items: Sequence[T], progress: Progress | None = None) -> list[R]:
    """Return `[function(item) for item in items]`, computed in at most eight threads and no more than there are cores.

    The results are in the order of the items. The first exception stops the work that has not begun and is raised.
    """
    threads = max(1, min(MOST_THREADS, usable_processors(), len(items)))
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                if progress is not None:
                    progress(done, len(items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]
