"""What a saved model is, read without Keras: by which Keras it was saved, and whether loading it would run its code."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.error_text import first_line
from toolkit.errors import ArtifactError, UsageError

SAVED_MODEL = "saved_model.pb"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_OTHERS = {
    b"\x80": "a pickle, which may run any code",
    b"PK\x03\x04": "a ZIP archive without a Keras model",
}
_UNSAFE_OPERATORS = {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc"}
_SAFE_FUNCTION = re.compile(
    r"(__operators__|math|nn|signal|linalg|image|compat\.v1\.nn|keras\.(activations|backend))\.\w+"
    r"|abs|add|argmax|argmin|cast|clip_by_value|concat|cos|divide|einsum|exp|expand_dims|gather|identity|matmul|maximum"
    r"|minimum|multiply|negative|one_hot|ones_like|pad|pow|reduce_(max|mean|min|sum|prod)|repeat|reshape|reverse|round"
    r"|shape|sigmoid|sin|slice|split|sqrt|square|squeeze|stack|strided_slice|subtract|tanh|tensordot|tile|transpose"
    r"|unstack|where|zeros_like"
)
"""Functions of TensorFlow that a layer may be made of: none reads or writes files, or runs code."""


@dataclass(frozen=True)
class SavedModel:
    """A saved model: the package that loads it ("tf_keras", "keras" or "tensorflow"), the version that saved it."""

    path: Path
    package: str
    version: str


def is_saved_model(path: Path) -> bool:
    """Return whether a path is a Keras model's rather than a run's: a file, or a SavedModel folder."""
    return path.is_file() or (path / SAVED_MODEL).is_file()


def inspect(path: Path) -> SavedModel:
    """Return what a saved model is.

    Raises `UsageError` if it is no Keras model, `ArtifactError` if it is damaged, or if loading it would run code that
    comes with it.
    """
    if path.is_dir():
        _check_graph(path)
        return SavedModel(path, "tensorflow", "")
    with path.open("rb") as stream:
        head = stream.read(8)
    if head == _HDF5:
        config, version = _from_hdf5(path)
    elif zipfile.is_zipfile(path) and "config.json" in zipfile.ZipFile(path).namelist():
        config, version = _from_zip(path)
    elif head[:4] == b"PK\x03\x04" and path.suffix == ".keras":
        raise ArtifactError(f"{path}: damaged, or cut short: save the model again")
    else:
        raise UsageError(
            f"{path}: not a Keras model, but {_kind(head)}: name a .keras or .h5 file, or a SavedModel folder"
        )
    _check_layers(path, config)
    return SavedModel(path, "tf_keras" if version.startswith("2") else "keras", version)


def _kind(head: bytes) -> str:
    if head[4:8] == b"TFL3":
        return "a TFLite model, which is converted already"
    return next((kind for start, kind in _OTHERS.items() if head.startswith(start)), "an unknown kind of file")


def _from_zip(path: Path) -> tuple[Any, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"{damaged} in it is damaged")
            config, metadata = (json.loads(archive.read(name)) for name in ("config.json", "metadata.json"))
            return config, str(metadata["keras_version"])
    except Exception as error:  # zipfile, zlib and json fail in a dozen ways on damaged bytes
        raise ArtifactError(f"{path}: damaged ({first_line(error)}): save the model again") from None


def _from_hdf5(path: Path) -> tuple[Any, str]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise UsageError(f"{path}: holds weights alone: save the whole model, with model.save")
            return json.loads(file.attrs["model_config"]), str(file.attrs["keras_version"])
    except UsageError:
        raise
    except Exception as error:
        raise ArtifactError(
            f"{path}: damaged, or cut short ({first_line(error)[:200]}): save the model again"
        ) from None


def _check_layers(path: Path, config: Any) -> None:
    """Raise `ArtifactError` where a layer is not Keras' own, or holds code."""
    for layer in _objects(config):
        kind, module = str(layer["class_name"]), layer.get("module")
        config = layer.get("config") if isinstance(layer.get("config"), dict) else {}
        name = config.get("name", kind)
        if kind in ("Lambda", "__lambda__") or (kind == "function" and module not in ("builtins", None)):
            raise ArtifactError(
                f"{path}: the layer {name} is a Lambda, whose code would run as the file is loaded: build it of Keras' "
                "own layers, or save the model with model.export as a SavedModel"
            )
        if layer.get("registered_name") and ">" in str(layer["registered_name"]):
            module = "another package"
        if "module" in layer and module is None and layer.get("registered_name"):  # a class of the script that saved it
            module = "a script"
        if module is not None and not re.match(r"(keras|tf_keras|builtins)(\.|$)", str(module)):
            raise ArtifactError(
                f"{path}: the layer {name} is of the class {kind}, which is not Keras' own: save the model with "
                "model.export as a SavedModel, which needs no class"
            )
        function = str(config.get("function", "")) if kind in ("TFOpLambda", "SlicingOpLambda") else ""
        if function and not _SAFE_FUNCTION.fullmatch(function):
            raise ArtifactError(
                f"{path}: the layer {name} calls tf.{function}, which a network does not need: remove it"
            )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every serialised object in a configuration."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _check_graph(path: Path) -> None:
    """Raise `ArtifactError` where a SavedModel is damaged, or has operators that reach beyond the network."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as Proto

    proto = Proto()
    try:
        proto.ParseFromString((path / SAVED_MODEL).read_bytes())
    except Exception as error:
        raise ArtifactError(f"{path}: {SAVED_MODEL} is damaged ({first_line(error)}): save the model again") from None
    for graph in proto.meta_graphs:
        bodies = [graph.graph_def.node, *(function.node_def for function in graph.graph_def.library.function)]
        unsafe = sorted({node.op for nodes in bodies for node in nodes} & _UNSAFE_OPERATORS)
        if unsafe:
            raise ArtifactError(f"{path}: has the operator {unsafe[0]}, which reaches files or runs code: remove it")
