"""Which part of the sound the decision after a window is about."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runtime.stream.events import Hop
from runtime.stream.smoothing import Decision


class Span(NamedTuple):
    """A part of the sound, from `start` to `end` in seconds, and what is decided of it."""

    start: float
    end: float
    decision: Decision


def spans(hops: Iterable[Hop], share: float) -> Iterator[Span]:
    """Yield the parts of the sound that are no silence, each with its decision, in order.

    A decision is about the centre of the sound that its probabilities are averaged over: the centre of a window's hops
    that are no silence, averaged over windows as their probabilities are, where the newest has the weight `share`. A
    part ends halfway between its decision's centre and the next one's. A silent hop is cut out at its own start and
    end, and the decisions on both sides of it reach up to it: the first one after it is the first whose centre is after
    it, because windows hold sound from before the silence for a while.
    """
    sound: deque[tuple[float, float]] = deque()
    decision: Decision | None = None
    start = end = centre = 0.0
    for hop in hops:
        previous, end = end, hop.result.end
        if hop.result.probabilities is None:
            if decision is not None:
                yield Span(start, previous, decision)
            decision = None
            continue
        sound.append((previous, end))
        middle = _centre(sound, end - hop.result.seconds)
        if decision is None:
            start, centre = previous, middle
        else:
            moved = centre + share * (middle - centre)
            boundary = (centre + moved) / 2
            if centre > start:  # it is not where windows still hold more of the sound before a silence
                yield Span(start, boundary, decision)
                start = boundary
            centre = moved
        decision = hop.decision
    if decision is not None:
        yield Span(start, end, decision)


def _centre(sound: deque[tuple[float, float]], first: float) -> float:
    """Return the centre of the sound since `first`, of parts that do not overlap; drop those that end before it."""
    while sound[0][1] <= first:
        sound.popleft()
    parts = [(max(start, first), end) for start, end in sound]
    return sum((end - start) * (start + end) / 2 for start, end in parts) / sum(end - start for start, end in parts)
