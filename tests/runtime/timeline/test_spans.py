"""Spans: exact times of decisions, by arithmetic."""

from __future__ import annotations

import pytest

from runtime.prediction import State
from runtime.stream.events import Hop
from runtime.stream.sliding_window import HopResult
from runtime.stream.smoothing import Decision
from runtime.timeline.spans import spans

WINDOW = 4.0


def hop(end: float, label: str) -> Hop:
    """Return a hop of a window of 4 s that ends at `end`; "" for silence."""
    probabilities = (1.0,) if label else None
    decision = Decision(State.LABEL if label else State.SILENCE, label or None, None, False, probabilities)
    return Hop(HopResult(end, min(end, WINDOW), -20.0, probabilities, 0.0), decision, 0.0)


def cut(hops: list[Hop], share: float = 1.0) -> list[tuple[float, float, str]]:
    return [(span.start, span.end, span.decision.word) for span in spans(hops, share)]


def test_decisions_share_the_time_between_the_centres_of_their_windows() -> None:
    """Those are 0.5, 1, 1.5, 2, 3, 4: a window grows to its whole length first. The last hop is a shorter one."""
    hops = [hop(end, label) for end, label in zip((1, 2, 3, 4, 5, 6, 6.5), "abcdefg", strict=True)]
    expected = [(0, 0.75, "a"), (0.75, 1.25, "b"), (1.25, 1.75, "c"), (1.75, 2.5, "d"), (2.5, 3.5, "e")]
    assert cut(hops) == [*expected, (3.5, 4.25, "f"), (4.25, 6.5, "g")]


def test_an_average_stands_at_the_average_of_centres() -> None:
    """Centres 0.5, 1, 1.5 with a share of a half: 0.5, 0.75, 1.125."""
    assert cut([hop(1, "a"), hop(2, "b"), hop(3, "c")], 0.5) == [
        (0, 0.625, "a"),
        (0.625, 0.9375, "b"),
        (0.9375, 3, "c"),
    ]


def test_a_window_that_ends_within_a_hop() -> None:
    """Hops of 3 s and a window of 4: of the first hop, its last 2 s are in the second window; centres 1.5, 4, 7."""
    assert cut([hop(3, "a"), hop(6, "b"), hop(9, "c")]) == [(0, 2.75, "a"), (2.75, 5.5, "b"), (5.5, 9, "c")]


def test_silence_is_cut_out_and_windows_over_it_are_about_the_sound_beside_it() -> None:
    """After the silence from 4 to 5, windows hold sound 2 to 4 and 5 to 6, centre 4; 3 to 4 and 5 to 7, centre 5.17;
    5 to 8, centre 6.5. The first one is about what was before, and has no part."""
    hops = [hop(end, label) for end, label in [(2, "a"), (4, "b"), (5, ""), (6, "c"), (7, "d"), (8, "e"), (9, "")]]
    before, first, second, third = cut(hops)
    assert (before, first) == ((0, 1.5, "a"), (1.5, 4, "b"))
    assert (
        (second[0], second[2]) == (5, "d")
        and second[1] == pytest.approx(((3.5 + 2 * 6) / 3 + 6.5) / 2)
        and third == (second[1], 8, "e")
    )


def test_sound_that_is_over_before_windows_are_about_it_has_its_last_decision() -> None:
    hops = [hop(end, label) for end, label in [(2, "a"), (4, "b"), (5, ""), (6, "c"), (7, "")]]
    assert cut(hops)[-1] == (5, 6, "c")
    assert cut([hop(1, ""), hop(2, "")]) == cut([]) == []
