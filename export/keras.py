"""The trained Keras network: loaded, traced by converters, and its answers that files are compared with."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inputs import Inputs
from export.tools import needed
from export.weighted import HEAVY
from toolkit.error_text import first_line
from toolkit.errors import RunError
from toolkit.native_stderr import captured_stderr

BATCH = 8


def load_tensorflow() -> None:
    """Import TensorFlow with its log turned down and oneDNN's kernels off: they keep 400 MB of ZFNet's memory.

    Raises `RunError` if TensorFlow or tf_keras is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # TensorFlow need not import Keras 3, too
    with needed("export needs TensorFlow"):
        import tensorflow as tf
        import tf_keras  # noqa: F401
    tf.get_logger().setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


def load_keras(path: Path, shape: tuple[int, ...], classes: int) -> Any:
    """Return the Keras model in `path`, checked to map (n, *shape) to (n, classes) in float32; `RunError` if not."""
    import tf_keras

    try:
        with captured_stderr():
            model = tf_keras.models.load_model(path, compile=False, safe_mode=True)
        shapes = tuple(model.input_shape), tuple(model.output_shape)
    except MemoryError:
        raise
    except Exception as error:  # Keras, h5py and zipfile fail in a dozen ways on a damaged file
        reason = first_line(error)[:200]
        raise RunError(f"{path}: not a Keras model that can be loaded ({reason}): train the run again") from None
    if shapes != ((None, *shape), (None, classes)):
        actual = " -> ".join(map(str, shapes))
        raise RunError(
            f"{path}: maps {actual}, not (None, {', '.join(map(str, shape))}) -> (None, {classes}): train the run again"
        )
    mixed = sorted({layer.compute_dtype for layer in model.layers} - {"float32"})
    if mixed:
        raise RunError(f"{path}: computes in {', '.join(mixed)}, not float32: save the model with float32 layers")
    return model


def weighted_layers(model: Any) -> list[Any]:
    """Return the layers that have weights, in order."""
    return [layer for layer in model.layers if layer.weights]


def heavy_layers(model: Any) -> list[str]:
    """Return the names of the layers with `HEAVY` weights or more, but for depthwise ones."""
    kernels = ((layer.name, getattr(layer, "kernel", None)) for layer in model.layers)
    return [name for name, kernel in kernels if kernel is not None and kernel.shape.num_elements() >= HEAVY]


def forward(model: Any, value: Any, kernels: Mapping[int, Any] | None = None) -> Any:
    """Return the model's probabilities for inputs, a tensor of shape (n, classes).

    Per-image standardisation computes its means axis by axis. Engines add up the 700,000 values of one mean in one
    float32 sum, whose rounding put ONNX Runtime 1.5e-5 off Keras in a probability of ZFNet; means of means are 4e-7
    off.

    Parameters
    ----------
    model
        A row of built-in layers (`tf_keras.Sequential`), or any other model, which is called as it is.
    value
        Network inputs, float32 (n, ...).
    kernels
        Tensors to use in the place of the kernels of dense layers, by the layer's number in the row.
    """
    import tensorflow as tf
    import tf_keras

    if not isinstance(model, tf_keras.Sequential):
        return model(value, training=False)
    for number, layer in enumerate(model.layers):
        if kernels and number in kernels:
            value = tf.matmul(value, kernels[number]) + layer.bias
        elif standardises(layer):
            centred = value - _mean(value)
            value = centred * tf.math.rsqrt(_mean(tf.square(centred)) + layer.epsilon)
        else:
            value = layer(value, training=False)
    return value


def standardises(layer: Any) -> bool:
    """Return whether a layer is per-image standardisation: over height, width and channels, without weights."""
    import tf_keras

    normalises = isinstance(layer, tf_keras.layers.LayerNormalization)
    return normalises and sorted(layer.axis) == [1, 2, 3] and not layer.center and not layer.scale


def _mean(value: Any) -> Any:
    """Return the mean over height, width and channels, shape (n, 1, 1, 1)."""
    import tensorflow as tf

    for axis in (3, 2, 1):
        value = tf.reduce_mean(value, axis, keepdims=True)
    return value


@dataclass(frozen=True)
class Reference:
    """The Keras model's probabilities for the inputs that its files are compared on."""

    names: tuple[str, ...]  # of the inputs: those of a part of the dataset, then the probes
    inputs: Inputs  # (n + probes, ...)
    probabilities: NDArray[np.float32]  # (n + probes, classes)
    labels: NDArray[np.int64]  # (n,): the class numbers of the part
    truth: NDArray[np.bool_]  # (n, classes): which labels fit, one or several
    right: NDArray[np.bool_]  # (n,): where the run's network, before any fine-tuning, is right
    recordings: tuple[str, ...]  # (n,): those that are takes of one recording are not independent
    real: int  # how many of the inputs are of real sounds: n, or where there are no labels, all but the probes

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        inputs: Inputs,
        probabilities: NDArray[np.float32],
        labels: NDArray[np.int64],
        recordings: Sequence[str] | None = None,
        real: int | None = None,
        truth: NDArray[np.bool_] | None = None,
    ) -> Reference:
        """Return the reference for files of the run's own network; without `recordings`, every name is one."""
        if truth is None:
            truth = np.eye(probabilities.shape[1], dtype=bool)[labels]
        n = len(labels)
        right = truth[np.arange(n), probabilities[:n].argmax(axis=1)]
        groups = tuple(names[:n] if recordings is None else recordings)
        return cls(tuple(names), inputs, probabilities, labels, truth, right, groups, n if real is None else real)

    def of_tuned(self, model: Any) -> Reference:
        """Return the reference for a fine-tuned Keras model: near to it, and as right as the run's own network."""
        return replace(self, probabilities=_probabilities(model, self.inputs))


def reference(
    model: Any,
    names: Sequence[str],
    inputs: Inputs,
    labels: NDArray[np.int64],
    probes: Mapping[str, Inputs],
    recordings: Sequence[str] | None = None,
    truth: NDArray[np.bool_] | None = None,
) -> Reference:
    """Return the Keras model's probabilities for `inputs` (n, ...) and for `probes` by name.

    `labels` are the class numbers of `inputs`, or none where they are not known; `truth` where several may fit.
    """
    everything = np.concatenate([inputs, *(value[np.newaxis] for value in probes.values())])
    probabilities = _probabilities(model, everything)
    return Reference.of((*names, *probes), everything, probabilities, labels, recordings, len(names), truth)


def _probabilities(model: Any, inputs: Inputs) -> NDArray[np.float32]:
    starts = range(0, len(inputs), BATCH)
    batches = (inputs[start : start + BATCH].astype(np.float32) for start in starts)
    return np.concatenate([np.asarray(model(batch, training=False)) for batch in batches])
