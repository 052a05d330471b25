"""Which layer of a network cannot be converted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from export.foreign.network import ForeignNetwork
from toolkit.errors import ArtifactError


def culprit(network: ForeignNetwork, convert: Callable[[ForeignNetwork], object]) -> str | None:
    """Return the first layer with which `convert` fails, by name and class; None where layers are not known.

    The networks that end behind each layer are searched by halves: one that fails holds the layer.
    """

    def fails(place: int) -> bool:
        try:
            convert(prefixes[place][1])
        except ArtifactError:
            return True
        return False

    prefixes = list(network.prefixes())
    place = bisect_left(range(len(prefixes)), True, key=fails)
    return prefixes[place][0] if place < len(prefixes) else None
