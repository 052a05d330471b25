"""A run whose network is a frozen backbone: its features are computed once, and a head is fitted to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from toolkit.errors import RunError
from toolkit.files import write_json
from train.backbones.backbone import Backbone
from train.backbones.head import fit_head
from train.backbones.weights import locate
from train.build import run_model
from train.config import HEAD_FILE, RunConfig
from train.data import Part
from train.registry import find_network

BATCH = 32
Steps = Callable[[str, int, int], None]


def fit_frozen(
    config: RunConfig, training: Part, validation: Part, folder: Path, steps: Steps
) -> tuple[tf_keras.Model, list[dict[str, Any]]]:
    """Return the backbone with the best head, and a history of one entry, as `train.fit.fit` does.

    `steps(what, done, total)` counts windows. Raises `RunError` if the backbone's weights are not on this machine.
    """
    started = time.perf_counter()
    backbone, model = load_backbone(config)
    features_model = tf_keras.Model(model.input, model.get_layer(backbone.features).output)
    values = [
        features(features_model, part.values, partial(steps, f"features, {name}"))
        for name, part in (("training", training), ("validation", validation))
    ]
    balanced = config.recipe.class_weights == "balanced"
    head = fit_head(values[0], training, values[1], validation, len(config.classes), balanced=balanced)
    model.get_layer(backbone.head).set_weights([head.kernel, head.bias])
    trials = [asdict(trial) for trial in head.trials]
    write_json(folder / HEAD_FILE, {"features": len(head.kernel), "strength": head.strength, "trials": trials})
    chosen = next(trial for trial in trials if trial["strength"] == head.strength)
    entry = {name: value for name, value in chosen.items() if name != "val_error"}
    return model, [{"epoch": 1, **entry, "seconds": round(time.perf_counter() - started, 3)}]


def load_backbone(config: RunConfig) -> tuple[Backbone, tf_keras.Model]:
    """Return a run's backbone, and its model with the published weights and a head that is not fitted yet."""
    backbone = find_network(config.model).backbone
    copy = locate([config.backbone]) if config.backbone else None
    if backbone is None or copy is None:
        raise RunError(
            f"the weights of {config.model} are not on this machine: "
            f"fetch them with python -m train backbone get {config.model}"
        )
    model = run_model(config)
    backbone.load(model, copy.path)
    return backbone, model


def features(model: tf_keras.Model, values: NDArray[Any], progress: Callable[[int, int], None]) -> NDArray[np.float32]:
    """Return a backbone's features, float32 (windows, features), of windows (windows, *shape)."""
    compute = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)
    rows = []
    for start in range(0, len(values), BATCH):
        rows.append(compute(tf.constant(values[start : start + BATCH], tf.float32)).numpy())
        progress(min(start + BATCH, len(values)), len(values))
    return np.concatenate(rows)
