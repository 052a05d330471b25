"""Read the weights of a Keras HDF5 file, without building a network from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DatasetError

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: Path) -> bool:
    """Return whether a file begins as HDF5 does; False where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


def read_layers(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights that `Model.save_weights` wrote, by name ("layer1/conv/bn/beta"), in the order of the layers.

    Raises `DatasetError`, which names the file, if it is no whole file of such weights.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return {
                _text(name).partition(":")[0]: np.asarray(file[_text(layer)][_text(name)], np.float32)
                for layer in file.attrs["layer_names"]
                for name in file[_text(layer)].attrs["weight_names"]
            }
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError):
        raise DatasetError(f"{path}: not a whole file of Keras weights: copy or fetch it again") from None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
