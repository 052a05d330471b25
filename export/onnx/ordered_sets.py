"""Let tf2onnx go through sets of names in one order, so that a network has the same bytes in every process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from contextlib import contextmanager
from typing import Any


class OrderedSet(MutableSet[Any]):
    """A set that keeps the order in which its values came."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self._values = dict.fromkeys(values)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: Any) -> None:
        self._values[value] = None

    def discard(self, value: Any) -> None:
        self._values.pop(value, None)

    def update(self, values: Iterable[Any]) -> None:
        """Add all values."""
        self._values |= dict.fromkeys(values)

    def union(self, *others: Iterable[Any]) -> OrderedSet:
        """Return a set of the values of this one and of others."""
        return OrderedSet([*self, *(value for other in others for value in other)])

    def issubset(self, other: Iterable[Any]) -> bool:
        """Return whether `other` holds every value."""
        return set(self._values) <= set(other)


@contextmanager
def ordered_sets() -> Iterator[None]:
    """Let tf2onnx use `OrderedSet` in the block, where it iterates over a set of nodes' names.

    The order of a set of texts differs from process to process, and which nodes tf2onnx 1.17 joins depends on it.
    """
    from tf2onnx import graph
    from tf2onnx.optimizer import back_to_back_optimizer

    modules = [vars(module) for module in (graph, back_to_back_optimizer)]
    for names in modules:
        names["set"] = OrderedSet
    try:
        yield
    finally:
        for names in modules:
            del names["set"]
