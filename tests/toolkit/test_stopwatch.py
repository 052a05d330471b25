"""The stopwatch counts what its iterator takes, and nothing of what is done between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from toolkit.stopwatch import Stopwatch


def test_it_counts_getting_items_and_not_using_them() -> None:
    now = [0.0]

    def slow() -> Iterator[int]:
        for number in range(3):
            now[0] += 2
            yield number
        now[0] += 0.5  # what comes after the last item counts, too

    watch, seen = Stopwatch(lambda: now[0]), []
    for number in watch.over(slow()):
        now[0] += 100
        seen.append(number)
    assert seen == [0, 1, 2] and watch.seconds == 6.5


def test_an_error_passes_and_its_time_counts() -> None:
    now = [0.0]

    def failing() -> Iterator[int]:
        now[0] += 3
        raise OSError("gone")
        yield 0

    watch = Stopwatch(lambda: now[0])
    with pytest.raises(OSError, match="gone"):
        list(watch.over(failing()))
    assert watch.seconds == 3
