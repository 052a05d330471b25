"""Turn a layer table into Keras models: the stock one that is saved and exported, and its training twin."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras

from toolkit.errors import UsageError
from toolkit.files import atomic_path
from toolkit.frontend.spec import PICTURE, FrontEnd
from train import layers as twin_layers
from train.built import built_model
from train.config import RunConfig
from train.distribute import Rows
from train.layers import STANDARDISE_EPSILON, SeededDropout, SharedBatchNormalization
from train.networks import (
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Pool,
    Relu,
    Softmax,
    Standardise,
    layer_names,
    with_dropout,
)
from train.registry import find_network
from train.twin import pool_before_relu


@dataclass(frozen=True)
class Kinds:
    """The classes of the layers that multiply or pool."""

    conv: type[tf_keras.layers.Layer]
    pool: type[tf_keras.layers.Layer]
    dense: type[tf_keras.layers.Layer]


STOCK = Kinds(tf_keras.layers.Conv2D, tf_keras.layers.MaxPool2D, tf_keras.layers.Dense)
ROUNDED = Kinds(twin_layers.RoundedConv2D, twin_layers.RoundedMaxPool2D, twin_layers.RoundedDense)


@contextmanager
def dropout_seed(model: tf_keras.Model, seed: tf.Tensor, rows: Rows | None = None) -> Iterator[None]:
    """Let every `SeededDropout` of `model` use `seed` (int32, shape (2,)) for the calls traced in this block.

    Of a distributed training, the calls have these rows of a shard.
    """
    layers = [layer for layer in model.layers if isinstance(layer, SeededDropout)]
    for number, layer in enumerate(layers):
        layer.traced.seed, layer.traced.rows = tf.random.experimental.stateless_fold_in(seed, number), rows
    for layer in model.layers:
        if isinstance(layer, SharedBatchNormalization):
            layer.traced.rows = rows
    try:
        yield
    finally:
        for layer in layers:
            layer.traced.seed = None


def run_model(config: RunConfig, *, twin: bool = False) -> tf_keras.Model:
    """Return the model of a run: the stock one, or its training twin; of several labels, with a sigmoid at its end."""
    network, classes, dropout = find_network(config.network or config.model), len(config.classes), config.recipe.dropout
    spec = FrontEnd.from_dict(config.front_end)
    if isinstance(network.model, tuple):
        table = with_dropout(network.model, dropout)
        model = build(table, classes, name=network.name, spec=spec, twin=twin, device=config.compute.device)
    else:
        options = {"twin": twin, "shared": twin and config.compute.strategy != "none"}
        model = built_model(network.name, network.model, spec.shape, classes, dropout, **options)
    return with_sigmoid(model) if config.multi_label else model


def with_sigmoid(model: tf_keras.Model) -> tf_keras.Model:
    """Return the model with a sigmoid in the place of its last layer's softmax.

    Raises `UsageError` where its last layer has another activation.
    """
    last, activations = model.layers[-1], tf_keras.activations
    if getattr(last, "activation", None) not in (activations.softmax, activations.sigmoid):
        raise UsageError(
            f"network {model.name}: --multi-label makes its softmax a sigmoid, but its last layer, {last.name}, has no "
            'such activation: end it with Activation("softmax")'
        )
    last.activation = activations.sigmoid
    return model


def build(
    network: tuple[Layer, ...],
    classes: int,
    *,
    name: str,
    spec: FrontEnd = PICTURE,
    twin: bool = False,
    device: str = "cpu",
) -> tf_keras.Model:
    """Return a Keras model of a layer table: the stock model, or its training twin for the device "cpu" or "gpu".

    Input: float32 (n, *spec.shape), which is divided by 255 unless it is a grid. Output: float32 (n, classes),
    probabilities. The stock model has built-in layers alone, so that it loads without this package. The twin has seeded
    dropout, ReLU behind pools, standardisation step by step, and on a processor the products of 16-bit values in
    float32. Their weights are interchangeable, and their predictions equal but for rounding. Layers have the names of
    `layer_names`, in every process.
    """
    layers = [tf_keras.layers.InputLayer(spec.shape, name="picture")]
    if spec.layout != "grid":
        layers.append(tf_keras.layers.Rescaling(1 / 255, name="rescaling"))
    rounded = twin and device == "cpu" and tf_keras.mixed_precision.global_policy().compute_dtype != "float32"
    table = pool_before_relu(network) if twin else network
    for layer, layer_name in zip(table, layer_names(table), strict=True):
        layers.extend(_keras_layers(layer, layer_name, classes, twin, ROUNDED if rounded else STOCK))
    return tf_keras.Sequential(layers, name=name)


def _keras_layers(layer: Layer, name: str, classes: int, twin: bool, kinds: Kinds) -> list[Any]:
    match layer:
        case Conv(filters, kernel, stride, relu):
            return [kinds.conv(filters, kernel, stride, activation="relu" if relu else None, name=name)]
        case Relu():
            return [tf_keras.layers.ReLU(name=name)]
        case Pool(size, stride):
            return [kinds.pool(size, stride, name=name)]
        case Standardise() if twin:
            return [twin_layers.SeparateStandardise(name=name)]
        case Standardise():
            # (x - mean) / sqrt(variance + epsilon): per_image_standardization, except on a picture of one colour.
            options = {"axis": (1, 2, 3), "center": False, "scale": False, "epsilon": STANDARDISE_EPSILON}
            return [tf_keras.layers.LayerNormalization(**options, name=name)]
        case Flatten():
            return [tf_keras.layers.Flatten(name=name)]
        case Dropout(rate):
            return [SeededDropout(rate, name=name) if twin else tf_keras.layers.Dropout(rate, name=name)]
        case Dense(units):
            return [kinds.dense(units, name=name)]
        case Softmax():
            # Under mixed precision the softmax alone stays float32.
            return [
                kinds.dense(classes, name=name),
                tf_keras.layers.Activation("softmax", dtype="float32", name="scores"),
            ]


EPOCH = (1980, 1, 1, 0, 0, 0)


def save_model(model: tf_keras.Model, path: Path) -> None:
    """Write `model` as a `.keras` file without the time of writing in it, atomically."""
    with atomic_path(path) as temporary:
        draft = temporary.with_suffix(".draft.keras")
        try:
            model.save(draft, save_format="keras")
            with zipfile.ZipFile(draft) as source, zipfile.ZipFile(temporary, "w") as target:
                for name in sorted(source.namelist()):
                    data = source.read(name)
                    if name == "metadata.json":
                        version = json.loads(data)["keras_version"]
                        data = json.dumps({"keras_version": version, "date_saved": ""}).encode()
                    target.writestr(zipfile.ZipInfo(name, EPOCH), data)
        finally:
            draft.unlink(missing_ok=True)
