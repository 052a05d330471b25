"""Networks that others pretrained, each as one value: all that training and export need of it.

Nothing here needs TensorFlow, which is prepared first (`train.device`): a backbone's module is imported when it builds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from numpy.typing import NDArray

from train.backbones.keras_file import is_hdf5, read_layers
from train.backbones.tflite_file import read_operators
from train.backbones.torch_file import read_tensors
from train.backbones.weights import AUDIOSET_CLASSES, MN04, YAMNET, YAMNET_CLASSES, YAMNET_FIXED, YAMNET_KERAS, Weights

if TYPE_CHECKING:
    import tf_keras

Shape = tuple[int, int, int]
Tensors = Mapping[str, NDArray[Any]]


class Module(Protocol):
    """What the module of a backbone has."""

    def build(self, shape: Shape, classes: int) -> tf_keras.Model: ...

    def tagger(self, shape: Shape) -> tf_keras.Model: ...

    def load(self, model: tf_keras.Model, tensors: Tensors) -> None: ...


@dataclass(frozen=True)
class Backbone:
    """A pretrained network.

    Attributes
    ----------
    name
        Its own, and that of its module in this folder.
    front_end
        The name of the front end it was pretrained with.
    published
        Its weights, as one file or several that differ in form; the first is what is fetched.
    read
        Returns the tensors of such a file without running code from it; raises `DatasetError`, which names the file.
    classes
        The names of its own classes, as CSV in the order of the tagger's output.
    tagged_seconds
        The window of the clips that it was pretrained on; None for the front end's.
    features, head
        The names of two layers of what `build` returns: the backbone's last, and the dense one that a run fits.
    """

    name: str
    front_end: str
    published: tuple[Weights, ...]
    read: Callable[[Path], Tensors]
    classes: Weights
    tagged_seconds: float | None = None
    features: str = "features"
    head: str = "head"

    def build(self, shape: Shape, classes: int) -> tf_keras.Model:
        """Return the backbone with a head: float32 (n, *shape) to probabilities (n, classes)."""
        return self._module.build(shape, classes)

    def tagger(self, shape: Shape) -> tf_keras.Model:
        """Return the whole published network: float32 (n, *shape) to scores (n, own classes), each from 0 to 1."""
        return self._module.tagger(shape)

    def load(self, model: tf_keras.Model, path: Path) -> None:
        """Set the published weights in what `build` or `tagger` returned; a run's head stays as it is.

        Raise `DatasetError` if the file has other tensors.
        """
        self._module.load(model, self.read(path))

    @property
    def _module(self) -> Module:
        return cast(Module, importlib.import_module(f"train.backbones.{self.name}"))


def _read_yamnet(path: Path) -> Tensors:
    return read_layers(path) if is_hdf5(path) else read_operators(path)


BACKBONES = (
    Backbone("mn04", "efficientat", (MN04,), read_tensors, AUDIOSET_CLASSES, 10.0),
    Backbone("yamnet", "yamnet", (YAMNET, YAMNET_FIXED, YAMNET_KERAS), _read_yamnet, YAMNET_CLASSES),
)
