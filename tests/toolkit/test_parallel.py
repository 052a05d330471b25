"""Work in threads: in order, few ahead, and stopped by the first error."""

from __future__ import annotations

import threading
import time

import pytest

from toolkit import parallel
from toolkit.parallel import AHEAD, iter_threads, map_threads


@pytest.fixture(autouse=True)
def four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let four threads work."""
    monkeypatch.setattr(parallel, "usable_processors", lambda: 4)


def test_results_are_in_the_order_of_the_items() -> None:
    seen: list[tuple[int, int]] = []

    def late(number: int) -> int:
        time.sleep(0.01 * (5 - number))
        return number * number

    assert map_threads(late, range(5), lambda done, total: seen.append((done, total))) == [0, 1, 4, 9, 16]
    assert seen == [(number, 5) for number in range(1, 6)]
    assert map_threads(late, []) == []


def test_few_items_are_begun_before_their_results_are_read() -> None:
    begun: list[int] = []
    results = iter_threads(begun.append, iter(range(1000)))
    for place in range(20):
        next(results)
        assert len(begun) <= place + 2 + 4 * AHEAD
    results.close()
    assert len(begun) <= 20 + 1 + 4 * AHEAD


def test_several_threads_work_at_once() -> None:
    barrier = threading.Barrier(4, timeout=30)
    map_threads(lambda _: barrier.wait(), range(4))


def test_the_first_error_stops_what_has_not_begun() -> None:
    begun: list[int] = []

    def fail(number: int) -> None:
        begun.append(number)
        if number >= 3:
            raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item 3"):
        map_threads(fail, range(1000))
    assert len(begun) <= 4 + 1 + 4 * AHEAD
