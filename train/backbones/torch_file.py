"""Read the tensors of a PyTorch checkpoint without PyTorch, and without running any code from it."""

from __future__ import annotations

import io
import math
import pickle
import zipfile
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import DatasetError

DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
MAX_BYTES = 1 << 30
_DAMAGE = (AttributeError, EOFError, ImportError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
"""What damaged bytes make the unpickler, zipfile and NumPy raise."""


class _Storage(NamedTuple):
    """Flat values in the archive: their type and the entry's name."""

    dtype: str
    name: str


class _Kind(NamedTuple):
    """What a name such as `torch.FloatStorage` stands for."""

    dtype: str


class _Tensors(pickle.Unpickler):
    """Builds NumPy arrays from a checkpoint's pickle; knows tensors, dictionaries and nothing else."""

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        super().__init__(io.BytesIO(_entry(archive, f"{prefix}data.pkl")))
        self._archive, self._prefix = archive, prefix

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if module == "torch" and name in DTYPES:
            return _Kind(DTYPES[name])
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a file of weights does not need")

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", _Kind(dtype), str(name), str(), int()):
                return _Storage(dtype, name)
        raise pickle.UnpicklingError("it refers to something else than stored values")

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> NDArray[Any]:
        if not isinstance(storage, _Storage) or len(shape) != len(strides) or len(shape) > 8:
            raise pickle.UnpicklingError("a tensor's description does not fit together")
        data = _entry(self._archive, f"{self._prefix}data/{storage.name}")
        values = np.frombuffer(data, storage.dtype)
        last = offset + sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
        if min((offset, *shape, *strides), default=0) < 0 or (math.prod(shape) and last >= len(values)):
            raise pickle.UnpicklingError("a tensor lies outside of its values")
        steps = tuple(step * values.itemsize for step in strides)
        return np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False).copy()


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a PyTorch checkpoint (a ZIP of a pickled dictionary and raw values) by name.

    Only names of tensors, dictionaries and storage types are resolved, so that the file cannot run code. Raises
    `DatasetError`, which names the file, if it is not such a file, is damaged, or asks for anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
            if len(pickles) != 1:
                raise pickle.UnpicklingError("it holds no data.pkl")
            value = _Tensors(archive, pickles[0].removesuffix("data.pkl")).load()
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, MemoryError, RecursionError, *_DAMAGE) as error:
        raise DatasetError(f"{path}: not a file of PyTorch weights ({error})") from None
    if not isinstance(value, dict) or not all(isinstance(tensor, np.ndarray) for tensor in value.values()):
        raise DatasetError(f"{path}: not a file of PyTorch weights (it holds no dictionary of tensors)")
    return {str(name): tensor for name, tensor in value.items()}


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > MAX_BYTES:
        raise pickle.UnpicklingError(f"{name} is larger than any network for a small machine")
    return archive.read(name)
