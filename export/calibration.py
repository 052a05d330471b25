"""The network inputs that an int8 model's ranges are measured on: training items of every class, and unusual sounds."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.inputs import Inputs
from export.probes import synthetic_sounds
from toolkit.artifact.card_sections import CalibrationCard
from toolkit.data.dataset import Item
from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.frontend.features import features
from toolkit.frontend.spec import FrontEnd

DEFAULT_ITEMS = 100
EDGE_SEED, EDGE_HERTZ = 20260730, 440.0


@dataclass(frozen=True)
class Calibration:
    """Network inputs (n, ...) to measure ranges on: the items', then synthetic ones; and the card's entry."""

    inputs: Inputs
    card: CalibrationCard
    names: tuple[str, ...] = ()  # of the items
    labels: tuple[int, ...] = ()  # their class numbers, none where they are not known


def choose(train: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Return `count` training items (all, where there are fewer), as equally many of every class as there are.

    Within a class they are evenly spaced over its items in name order, so that the choice is the same every time
    and does not depend on the order of `train`. Raises `UsageError` if `count` is below the number of classes.
    """
    by_label: defaultdict[str, list[Item]] = defaultdict(list)
    for item in sorted(train, key=lambda item: item.name):
        by_label[item.label].append(item)
    if count < len(by_label):
        raise UsageError(f"--calibration is {count}: use at least one input per class, {len(by_label)}")
    shares = dict.fromkeys(sorted(by_label), 0)
    for _ in range(min(count, len(train))):
        unused = [label for label, share in shares.items() if share < len(by_label[label])]
        shares[min(unused, key=shares.__getitem__)] += 1
    return tuple(
        items[int((place + 0.5) * len(items) / shares[label])]
        for label, items in sorted(by_label.items())
        for place in range(shares[label])
    )


def edge_inputs(spec: FrontEnd) -> Inputs:
    """Return inputs of sounds that music seldom is (`export.probes.synthetic_sounds`), (n, *spec.shape)."""
    sounds = synthetic_sounds(spec, EDGE_SEED, EDGE_HERTZ).values()
    dtype = np.float32 if spec.layout == "grid" else np.uint8
    return np.stack([features(sound, spec).astype(dtype) for sound in sounds])


def calibrate(items: Sequence[Item], inputs: Inputs, edges: Inputs, labels: Sequence[int] = ()) -> Calibration:
    """Return the calibration set of `items` with their `inputs` and `labels`, synthetic inputs, `edges`, added.

    Its digest is over the items' names and files and the synthetic inputs' bytes.
    """
    manifest = {
        "items": [[item.name, item.digest] for item in items],
        "edges": [hashlib.sha256(edge.tobytes()).hexdigest() for edge in edges],
    }
    card = CalibrationCard(items=len(items), edges=len(edges), digest=digest_of(manifest))
    return Calibration(
        np.concatenate([inputs, edges]), card, tuple(item.name for item in items), tuple(map(int, labels))
    )
