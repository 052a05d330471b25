"""A run whose network is a frozen backbone: its features are computed once, and a head is fitted to them."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tf_keras

from toolkit.data.splits import PARTS
from toolkit.errors import RunError
from toolkit.files import write_json
from toolkit.frontend.spec import FrontEnd
from train.backbones import fine_tune, shots
from train.backbones.chance import verdict
from train.backbones.dense import Dense
from train.backbones.features import Extractor
from train.backbones.head import Head, Trial, fit_head
from train.backbones.held_out import held_out_classes
from train.backbones.shots import few_shot_curve
from train.backbones.weights import locate
from train.build import run_model
from train.config import HEAD_FILE, RunConfig
from train.data import Dataset, Listener, Trained
from train.evaluate import predictions
from train.notices import window_notices
from train.registry import find_network

TUNING_FILE = "fine-tuning.json"
"""What a run keeps of the epochs in which blocks were trained, whether they count or not."""


def train_head(config: RunConfig, dataset: Dataset, folder: Path, cache: Path | None, listener: Listener) -> Trained:
    """Return the backbone with the best head, as `train.run.work` finishes a run.

    Raises `RunError` if the backbone's weights are not on this machine, `UsageError` if it has fewer blocks than are
    to be trained.
    """
    started = time.perf_counter()
    backbone = load_backbone(config)
    if config.unfreeze:
        fine_tune.trained_layers(backbone, config.unfreeze)  # which refuses too many, before anything is computed
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
    head = fit_head(training, validation, len(config.classes), balanced=balanced, seed=config.seed)
    write_json(folder / HEAD_FILE, _head_values(head))
    seconds = round(time.perf_counter() - started, 3)
    history = [{"epoch": 1, **_named(head.chosen, head.exclusive), "seconds": seconds}]
    features = tf_keras.Input(backbone.output_shape[1:])
    alone = tf_keras.Model(features, with_head(features, head))
    predicted = {name: predictions(alone, part, config.compute) for name, part in parts.items()}
    model = tf_keras.Model(backbone.input, with_head(backbone.output, head), name=config.model)
    trained = Trained(model, history, predicted)
    if config.few_shot:
        curve = few_shot_curve(config.few_shot, training, parts, len(config.classes), config.seed)
        shots.write(folder, curve, config.model)
        trained.sections.extend(shots.table(curve))
    if config.hold_out:
        trained.measured.update(held_out_classes(training, parts, head, predicted, spec.window_seconds))
    return _fine_tuned(config, dataset, trained, folder, cache, listener) if config.unfreeze else trained


def _fine_tuned(
    config: RunConfig, dataset: Dataset, trained: Trained, folder: Path, cache: Path | None, listener: Listener
) -> Trained:
    """Return the fine-tuned network where it is better, else the frozen one; either with what was compared."""
    before = trained.predicted["validation"]
    tuned = fine_tune.fine_tune(config, dataset, trained.model, before, folder, cache, listener)
    write_json(folder / TUNING_FILE, tuned.history)
    spent = sum(entry["seconds"] for entry in (*trained.history, *tuned.history))
    measured = {**trained.measured, "fine_tuning": tuned.compared, "seconds": round(spent, 1)}
    sections = [*trained.sections, "", "## Fine-tuning", "", f"{verdict(tuned.compared)}.".capitalize()]
    if not tuned.compared["kept"]:
        return replace(trained, measured=measured, sections=sections)
    return Trained(tuned.model, tuned.history, tuned.predicted, measured, sections)


def load_backbone(config: RunConfig) -> tf_keras.Model:
    """Return a run's backbone, from its input to its features, with the published weights."""
    backbone = find_network(config.model).backbone
    copy = locate([config.backbone]) if config.backbone else None
    if backbone is None or copy is None:
        raise RunError(
            f"the weights of {config.model} are not on this machine: "
            f"fetch them with python -m train backbone get {config.model}, or name a copy with --weights FILE"
        )
    model = run_model(config)
    backbone.load(model, copy.path)
    return tf_keras.Model(model.input, model.get_layer(backbone.features).output, name=config.model)


def _head_values(head: Head) -> dict[str, Any]:
    """Return the value of `head.json`."""
    trials = [asdict(trial) for trial in head.trials]
    return {"features": len(head.layers[0].kernel), **asdict(head.chosen), "trials": trials}


def _named(trial: Trial, exclusive: bool) -> dict[str, float]:
    """Return a trial as an entry of a history."""
    values = {name: value for name, value in asdict(trial).items() if name != "val_error"}
    score = "accuracy" if exclusive else "mAP"
    return {name.replace("score", score): value for name, value in values.items()}


def with_head(features: tf_keras.KerasTensor, head: Head) -> tf_keras.KerasTensor:
    """Return the probabilities that a head computes of features."""
    *hidden, last = head.layers
    for layer in hidden:
        features = _dense(features, layer, "hidden", "relu")
    logits = _dense(features, last, "head", None)
    activation = "softmax" if head.exclusive else "sigmoid"
    return tf_keras.layers.Activation(activation, dtype="float32", name="scores")(logits)


def _dense(values: tf_keras.KerasTensor, layer: Dense, name: str, activation: str | None) -> tf_keras.KerasTensor:
    dense = tf_keras.layers.Dense(len(layer.bias), activation, name=name)
    result = dense(values)
    dense.set_weights(layer)
    return result
