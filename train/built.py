"""Models that a function builds: what training and export can rely on of them, and their summary."""

from __future__ import annotations

import math
from typing import Any

import tf_keras

from toolkit.errors import UsageError
from train.backbones.backbone import Shape
from train.layers import SeededDropout, SharedBatchNormalization
from train.registry import Build


def built_model(
    name: str,
    build: Build,
    shape: Shape,
    classes: int,
    dropout: float | None = None,
    *,
    twin: bool = False,
    shared: bool = False,
) -> tf_keras.Model:
    """Return the model of a builder function, or its training twin, whose dropout repeats by its seed.

    `dropout` replaces the rate of its dropout layers where it is set. `shared` normalises by the batches of all
    replicas of a distributed training. Raises `UsageError` where the function fails, or its model does not fit the
    shapes, is no model of built-in layers, or is random in another way than by dropout.
    """
    tf_keras.backend.reset_uids()  # layers without a name are called the same in every process
    try:
        model = build(shape, classes)
    except Exception as error:  # somebody's own function
        raise UsageError(f"network {name}: it cannot be built for an input of {shape}: {error}") from None
    _check(name, model, shape, classes)
    rates = [layer for layer in model.layers if isinstance(layer, tf_keras.layers.Dropout)]
    if dropout is not None and not rates:
        raise UsageError(f"--dropout: {name} has no dropout layer: leave the flag out")

    def copied(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        config = layer.get_config()
        if shared and isinstance(layer, tf_keras.layers.BatchNormalization):
            return SharedBatchNormalization.from_config(config)
        if isinstance(layer, tf_keras.layers.Dropout):
            rate = layer.rate if dropout is None else dropout
            return SeededDropout(rate, name=layer.name) if twin else type(layer).from_config({**config, "rate": rate})
        return type(layer).from_config(config)

    copy = tf_keras.models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy


def _check(name: str, model: Any, shape: Shape, classes: int) -> None:
    if not isinstance(model, tf_keras.Model):
        raise UsageError(f"network {name}: its function returns {type(model).__module__}, not a tf_keras.Model")
    if model.input_shape != (None, *shape) or model.output_shape != (None, classes):
        sides = f"{model.input_shape} to {model.output_shape}"
        raise UsageError(f"network {name}: its model goes from {sides}, not from {(None, *shape)} to {(None, classes)}")
    for layer in model.layers:
        kind = type(layer)
        random = isinstance(layer, tf_keras.__internal__.layers.BaseRandomLayer) and kind is not tf_keras.layers.Dropout
        if kind.__module__.split(".")[0] != "tf_keras" or isinstance(layer, tf_keras.Model) or random:
            raise UsageError(
                f"network {name}: layer {layer.name} ({kind.__name__}) cannot be repeated, or exported alone: "
                "use built-in layers of tf_keras, no model within a model, and Dropout for what is random"
            )


def built_summary(model: tf_keras.Model) -> str:
    """Return a model's layers as text: names, kinds, output shapes, parameters, multiply-adds, totals."""
    lines = [f"{model.name}: input {' x '.join(map(str, model.input_shape[1:]))}", ""]
    lines.append(f"{'name':<14}{'layer':<30}{'output':>16}{'parameters':>14}{'multiply-adds':>16}")
    totals = [0, 0]
    for layer in model.layers:
        shape = layer.output_shape[0] if isinstance(layer, tf_keras.layers.InputLayer) else layer.output_shape
        counts = layer.count_params(), _multiply_adds(layer)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        sides = " x ".join(map(str, shape[1:]))
        lines.append(f"{layer.name:<14}{type(layer).__name__:<30}{sides:>16}{counts[0]:>14,}{counts[1]:>16,}")
    lines.append(f"{'total':<60}{totals[0]:>14,}{totals[1]:>16,}")
    return "\n".join(lines)


def _multiply_adds(layer: tf_keras.layers.Layer) -> int:
    """Return those of a convolution or dense layer for one input: every weight of a kernel, at every place."""
    kernels = [w for w in layer.weights if "kernel" in w.name.rpartition("/")[2]]
    return sum(math.prod(kernel.shape) for kernel in kernels) * math.prod(layer.output_shape[1:-1])
