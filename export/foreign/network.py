"""A loaded model as a network of ours: the front end's own input order in, probabilities out."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.foreign.axes import arranged, level_of
from export.foreign.loading import Loaded
from toolkit.artifact.card import input_shape
from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class ForeignNetwork:
    """What converters see of a loaded model; `added` is the activation that is put behind it, None for none."""

    loaded: Loaded
    axes: str
    spec: FrontEnd
    added: str | None = None

    @property
    def layers(self) -> list[Any]:
        """The Keras layers, in order."""
        return self.loaded.layers

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of the input, as of a Keras model."""
        return (None, *input_shape(self.spec, level_of(self.axes, self.spec))[1:])

    @cached_property
    def trackable(self) -> Any:
        """What holds the variables, for TensorFlow's converter."""
        import tensorflow as tf

        module = tf.Module()
        module.weights, module.owner = list(self.loaded.variables), self.loaded.owner
        return module

    def __call__(self, value: Any, training: bool = False) -> Any:
        """Return scores, a tensor (n, classes), of inputs in the front end's own order."""
        import tensorflow as tf

        value = tf.cast(arranged(tf.convert_to_tensor(value), self.axes, self.spec), self.loaded.dtype)
        scores = self.loaded.call(value)
        return scores if self.added is None else getattr(tf.nn, self.added)(scores)

    def prefixes(self) -> Iterator[tuple[str, ForeignNetwork]]:
        """Yield the networks that end behind each Keras layer, by the layer's name and class, in order."""
        import tensorflow as tf

        model = self.loaded.keras
        for layer in self.layers:
            try:
                part = _functional(model)(model.inputs, tf.nest.flatten(layer.output)[0])
            except (AttributeError, RuntimeError, TypeError, ValueError):  # a layer that is used twice, or not at all
                continue
            loaded = Loaded(
                lambda value, part=part: part(value, training=False),
                self.loaded.shape,
                self.loaded.dtype,
                None,
                self.loaded.variables,
                owner=self.loaded.owner,
            )
            yield f"{layer.name} ({type(layer).__name__})", ForeignNetwork(loaded, self.axes, self.spec)


def _functional(model: Any) -> Any:
    """Return the class `Model` of a model's own Keras."""
    return importlib.import_module(type(model).__module__.partition(".")[0]).Model


def declared_activation(loaded: Loaded) -> str | None:
    """Return the activation of a Keras model's last layer ("linear" for none), None where that is not known."""
    layer = loaded.keras
    while layer is not None and getattr(layer, "layers", None):
        names = list(getattr(layer, "output_names", ()))
        layer = next((part for part in layer.layers if part.name in names), layer.layers[-1])
    if type(layer).__name__ == "Softmax":
        return "softmax"
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    return str(name) if name in ("softmax", "sigmoid", "linear") else None


def activation(path: object, declared: str | None, scores: NDArray[np.float32], choice: str | None) -> tuple[str, bool]:
    """Return what a network's output is, "softmax" or "sigmoid", and whether that has to be put behind it.

    `declared` is its last layer's, `scores` (n, classes) its output for some inputs, `choice` that of `--activation`.
    Raises `UsageError` where it cannot be decided, or they contradict each other.
    """
    bounded = bool((scores >= 0).all() and (scores <= 1).all())
    sums_to_one = bounded and bool(np.allclose(scores.sum(axis=1), 1, atol=SUM_TOLERANCE))
    if not np.isfinite(scores).all():
        raise UsageError(f"{path}: its output is not finite for synthetic sounds: check its layers and --front-end")
    if declared == "linear":
        return choice or "softmax", True
    own = declared or ("softmax" if sums_to_one else None)
    if own is None and choice is None:
        raise UsageError(
            f"{path}: its last layer does not show whether one label fits a clip: say --activation softmax or sigmoid"
        )
    if own is None:
        return str(choice), not (bounded and choice == "sigmoid")
    if choice not in (None, own):
        raise UsageError(f"{path}: --activation {choice}, but its output is a {own} already")
    if own == "softmax" and not sums_to_one:
        raise UsageError(f"{path}: its softmax does not add up to 1 over the labels: apply it to the last axis")
    return own, False
