"""The order of a model's input axes: a network from elsewhere may have frames before bands, or no batch."""

from collections.abc import Sequence
from itertools import permutations

NATURAL: dict[str, tuple[str, ...]] = {
    "picture": ("batch", "row", "column", "channel"),
    "grid": ("batch", "band", "frame", "channel"),
    "mel": ("batch", "band", "frame"),
    "waveform": ("batch", "sample"),
}
"""The order in which the front end makes each input level; that of a card whose `axes` are empty."""


def shape(level: str, natural: Sequence[int], axes: Sequence[str]) -> tuple[int, ...]:
    """Return a shape in the order `axes` (empty: the natural one) of an input whose natural shape is `natural`.

    Raise `ValueError` if an axis is unknown, occurs twice, is missing though longer than 1, or the batch is not first.
    """
    sizes = {"batch": 1, "channel": 1} | dict(zip(NATURAL[level], natural, strict=True))
    for axis in axes:
        if axis not in sizes:
            raise ValueError(f"a {level} has no axis {axis!r}, but {', '.join(sizes)}")
    if len(set(axes)) != len(axes):
        raise ValueError("one occurs twice")
    if axes and (missing := [axis for axis, size in sizes.items() if size > 1 and axis not in axes]):
        raise ValueError(f"{missing[0]} is missing")
    if "batch" in axes[1:]:
        raise ValueError("the batch is not first")
    return tuple(sizes[axis] for axis in axes or NATURAL[level])


def fitting_orders(level: str, natural: Sequence[int], actual: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the orders of axes in which an input of a natural shape has the `actual` one.

    A side of 1 is the batch where it is the first, and a channel elsewhere.
    """
    names = [name for name, size in zip(NATURAL[level], natural, strict=True) if size > 1]
    orders = []
    for order in permutations(names):
        rest = iter(order)
        axes = tuple(
            ("batch" if place == 0 else "channel") if side == 1 else next(rest, "") for place, side in enumerate(actual)
        )
        if len(set(axes)) == len(axes) and not list(rest) and "" not in axes:
            orders += [axes] if shape(level, natural, axes) == tuple(actual) else []
    return orders
