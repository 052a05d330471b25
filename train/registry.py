"""Every network by its name, and any other by `package.module:NETWORK`.

Nothing here needs TensorFlow, and no module that is imported from here may: it is prepared first (`train.device`).
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import FrontEnd
from train import edgenet
from train.backbones.backbone import BACKBONES, Backbone, Shape
from train.networks import TABLES, Layer, trace

if TYPE_CHECKING:
    import tf_keras

_WINDOWS = ("window_seconds", "hop_seconds", "short")
"""Fields of a front end that leave a backbone's features what they are."""
Build = Callable[[Shape, int], "tf_keras.Model"]


@dataclass(frozen=True)
class Network:
    """A network that can be trained.

    Attributes
    ----------
    name
        Its own, which becomes part of its files' names: small letters, digits, '-', '_' and '.'.
    model
        A table of layers, or a function `build(shape, classes)` that returns a `tf_keras.Model` of built-in layers,
        from float32 (n, *shape) to float32 (n, classes) with a softmax at the end.
    front_end
        The name of the front end it hears with where no flag names another.
    recipe
        The name of the recipe it is trained by where no flag names another: "paper" or "modern".
    backbone
        What others pretrained of it: it stays as it is, and a head is fitted to its features.
    """

    name: str
    model: tuple[Layer, ...] | Build
    front_end: str = "log-mel"
    recipe: str = "modern"
    backbone: Backbone | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", self.name):
            raise UsageError(f"network {self.name!r}: a name is of small letters, digits, '-', '_' and '.'")

    @property
    def table(self) -> tuple[Layer, ...] | None:
        """The layer table; None where a function builds the model."""
        return self.model if isinstance(self.model, tuple) else None

    def check_input(self, spec: FrontEnd) -> None:
        """Raise `UsageError` where a front end is not the backbone's, or shows too little for the layer table."""
        own = PRESETS.get(self.front_end)
        if self.backbone and own != replace(spec, **{name: getattr(own, name) for name in _WINDOWS}):
            raise UsageError(
                f"{self.name} was pretrained with the front end {self.front_end}: leave --front-end out; --window and "
                "--hop may be set"
            )
        if self.table and min(min(row.shape) for row in trace(self.table, shape=spec.shape)) < 1:
            shape = " x ".join(map(str, spec.shape))
            raise UsageError(
                f"{self.name} does not fit the front end's {shape}: its pools leave nothing of it; edgenet fits any"
            )


NETWORKS = {
    network.name: network
    for network in (
        *(Network(name, table, "gtzan-picture", "paper") for name, table in TABLES.items()),
        Network("edgenet", edgenet.build),
        *(Network(backbone.name, backbone.build, backbone.front_end, backbone=backbone) for backbone in BACKBONES),
    )
}


def find_network(name: str) -> Network:
    """Return the network of a name, or the one that `package.module:NETWORK` names.

    Raises `UsageError` if there is no such network, or its module cannot be imported or imports TensorFlow.
    """
    if ":" in name:
        return _imported(name)
    try:
        return NETWORKS[name]
    except KeyError:
        own = "one of your own is package.module:NETWORK"
        raise UsageError(f"unknown network {name!r}: choose one of {', '.join(sorted(NETWORKS))}; {own}") from None


def _imported(reference: str) -> Network:
    module, _, attribute = reference.partition(":")
    prepared = "tensorflow" in sys.modules
    try:
        network = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the module is somebody's own, and may fail in any way
        raise UsageError(f"network {reference}: {error} (modules are looked up here and in PYTHONPATH)") from None
    if not isinstance(network, Network):
        raise UsageError(f"network {reference}: it is {type(network).__name__}, not a train.registry.Network")
    if not prepared and "tensorflow" in sys.modules:
        raise UsageError(f"network {reference}: its module imports TensorFlow: do that in its function build")
    return network
