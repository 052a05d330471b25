"""The model in a saved file, in the package that saved it, checked to be one network with one input and one output."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.foreign.saved import SavedModel
from toolkit.error_text import first_line
from toolkit.errors import ArtifactError, UsageError
from toolkit.native_stderr import captured_stderr


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model: what calls it, and its Keras layers in order, none where they are not known."""

    call: Any  # a tensor (n, ...) to a tensor (n, classes)
    shape: tuple[int | None, ...]  # of its input, behind the batch
    dtype: str
    outputs: int | None
    variables: Sequence[Any]  # tf.Variable
    keras: Any = None  # the Keras model
    owner: Any = None  # what has to live as long as `call`

    @property
    def layers(self) -> list[Any]:
        """The Keras layers, in order."""
        return [] if self.keras is None else list(self.keras.layers)


def load(saved: SavedModel) -> Loaded:
    """Return the model of a saved file, after TensorFlow was loaded.

    Raises `ArtifactError` if it cannot be loaded or has weights that are not finite, `UsageError` if it has not one
    input and one output of a row per clip.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    loaded = _of_graph(saved) if saved.package == "tensorflow" else _of_keras(saved)
    if broken := [str(variable.name) for variable in loaded.variables if not np.isfinite(variable.numpy()).all()]:
        raise ArtifactError(f"{saved.path}: the weights {broken[0]} are not finite: train the model again")
    return loaded


def _of_keras(saved: SavedModel) -> Loaded:
    package = importlib.import_module(saved.package)
    try:
        with captured_stderr():
            model = package.models.load_model(saved.path, compile=False, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # Keras, h5py and zipfile fail in a dozen ways
        raise ArtifactError(f"{saved.path}: {_reason(saved, package.__version__, error)}") from None
    for what, tensors in (("input", model.inputs), ("output", model.outputs)):
        _check_one(saved, what, len(tensors or ()))
    mixed = sorted({str(layer.compute_dtype) for layer in model.layers} - {"float32"})
    if mixed:
        raise ArtifactError(f"{saved.path}: computes in {', '.join(mixed)}: save it with the policy float32")
    source, target = model.inputs[0], model.outputs[0]
    if len(target.shape) != 2:
        raise UsageError(f"{saved.path}: its output is {tuple(target.shape)}, not one row of scores per clip")
    name = source.dtype if isinstance(source.dtype, str) else source.dtype.name
    variables = [getattr(variable, "value", variable) for variable in model.weights]
    variables = [value() if callable(value) else value for value in variables]
    if saved.package == "tf_keras":
        variables = list(model.weights)
    return Loaded(
        call=lambda value: model(value, training=False),
        shape=tuple(source.shape[1:]),
        dtype=str(name),
        outputs=target.shape[1],
        variables=variables,
        keras=model,
    )


def _of_graph(saved: SavedModel) -> Loaded:
    import tensorflow as tf

    try:
        with captured_stderr():
            owner = tf.saved_model.load(str(saved.path))
            signatures = dict(owner.signatures)
    except Exception as error:
        raise ArtifactError(f"{saved.path}: cannot be loaded ({first_line(error)[:200]}): save it again") from None
    function = signatures.get("serving_default") or next(iter(signatures.values()), None)
    if function is None:
        raise UsageError(f"{saved.path}: has no signature to call: save the model with model.export")
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    for what, tensors in (("input", inputs), ("output", outputs)):
        _check_one(saved, what, len(tensors))
    ((name, source),), ((output_name, target),) = inputs.items(), outputs.items()
    if target.shape.rank != 2:
        raise UsageError(f"{saved.path}: its output is {target.shape}, not one row of scores per clip")
    return Loaded(
        call=lambda value: function(**{name: value})[output_name],
        shape=tuple(source.shape[1:]),
        dtype=source.dtype.name,
        outputs=target.shape[1],
        variables=list(getattr(owner, "variables", None) or function.variables),
        owner=owner,
    )


def _check_one(saved: SavedModel, what: str, count: int) -> None:
    if count != 1:
        raise UsageError(
            f"{saved.path}: has {count} {what}s, not one: build a model of the part with one input and one output"
        )


def _reason(saved: SavedModel, version: str, error: Exception) -> str:
    def parts(text: str) -> list[int]:
        return [int(part) for part in text.split(".")[:2] if part.isdigit()]

    if parts(saved.version) > parts(version):
        return (
            f"saved by Keras {saved.version}, and {version} here cannot load it: install that version, or save it anew"
        )
    return f"Keras cannot load it ({first_line(error)[:200]}): save the model again with Keras' own layers"
