"""A run whose network is a frozen backbone: its features are computed once, and a head is fitted to them."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import tf_keras

from toolkit.data.splits import PARTS
from toolkit.errors import RunError
from toolkit.files import write_json
from toolkit.frontend.spec import FrontEnd
from train.backbones.features import Extractor
from train.backbones.head import Head, fit_head
from train.backbones.weights import locate
from train.build import run_model
from train.config import HEAD_FILE, RunConfig
from train.data import Dataset, Listener, Trained
from train.evaluate import predictions
from train.notices import window_notices
from train.registry import find_network


def train_head(config: RunConfig, dataset: Dataset, folder: Path, cache: Path | None, listener: Listener) -> Trained:
    """Return the backbone with the best head, as `train.run.work` finishes a run.

    Raises `RunError` if the backbone's weights are not on this machine.
    """
    started = time.perf_counter()
    backbone = load_backbone(config)
    spec = FrontEnd.from_dict(config.front_end)
    extractor = Extractor(backbone, spec, config.backbone.digest if config.backbone else "", cache)
    parts = {
        name: extractor.part(dataset, names, f"features, {name}", listener.steps)
        for name in PARTS
        if (names := getattr(dataset.split, name))
    }
    for sentence in window_notices(parts, spec):
        listener.notice(sentence)
    training, validation = parts.pop("train"), parts["validation"]
    balanced = config.recipe.class_weights == "balanced"
    head = fit_head(training, validation, len(config.classes), balanced=balanced)
    trials = [asdict(trial) for trial in head.trials]
    write_json(folder / HEAD_FILE, {"features": len(head.kernel), "strength": head.strength, "trials": trials})
    chosen = next(trial for trial in trials if trial["strength"] == head.strength)
    entry = {name: value for name, value in chosen.items() if name != "val_error"}
    history = [{"epoch": 1, **entry, "seconds": round(time.perf_counter() - started, 3)}]
    features = tf_keras.Input(backbone.output_shape[1:])
    alone = tf_keras.Model(features, _with_head(features, head))
    predicted = {name: predictions(alone, part, config.compute) for name, part in parts.items()}
    model = tf_keras.Model(backbone.input, _with_head(backbone.output, head), name=config.model)
    return Trained(model, history, predicted)


def load_backbone(config: RunConfig) -> tf_keras.Model:
    """Return a run's backbone, from its input to its features, with the published weights."""
    backbone = find_network(config.model).backbone
    copy = locate([config.backbone]) if config.backbone else None
    if backbone is None or copy is None:
        raise RunError(
            f"the weights of {config.model} are not on this machine: "
            f"fetch them with python -m train backbone get {config.model}"
        )
    model = run_model(config)
    backbone.load(model, copy.path)
    return tf_keras.Model(model.input, model.get_layer(backbone.features).output, name=config.model)


def _with_head(features: tf_keras.KerasTensor, head: Head) -> tf_keras.KerasTensor:
    """Return the probabilities that a head computes of features."""
    dense = tf_keras.layers.Dense(head.kernel.shape[1], name="head")
    logits = dense(features)
    dense.set_weights([head.kernel, head.bias])
    return tf_keras.layers.Activation("softmax", dtype="float32", name="scores")(logits)
