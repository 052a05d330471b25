"""Train the last blocks of a backbone, or all, from where the head was fitted, and keep what is better."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import tf_keras

from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd
from train.backbones.chance import CHANCE, compared
from train.backbones.flags import ALL
from train.backbones.head import prediction_scores
from train.config import RunConfig
from train.crops import load_training
from train.data import Dataset, Listener, load_part
from train.evaluate import predictions
from train.fit import fit
from train.schedule import kept_epoch

HEAD = ("hidden", "head", "scores")


class FineTuned(NamedTuple):
    """A trained copy of a network, its history, predictions of all held-out parts, and the comparison."""

    model: tf_keras.Model
    history: list[dict[str, Any]]
    predicted: dict[str, Any]
    compared: dict[str, Any]


def fine_tune(
    config: RunConfig,
    dataset: Dataset,
    frozen: tf_keras.Model,
    before: dict[str, Any],
    folder: Path,
    cache: Path | None,
    listener: Listener,
) -> FineTuned:
    """Return the network `frozen`, trained further on the windows of the training part.

    `before` are its predictions of the validation part. Batch normalisation keeps its statistics, scales and offsets.
    The epoch is the best on the validation part, on which `compared` counts the recordings that either network has more
    of right: `kept` says whether the new one is better by more than chance. A checkpoint in `folder` is carried on.

    Raises `UsageError` if the backbone has fewer blocks than are to be trained.
    """
    names = trained_layers(frozen, config.unfreeze or ALL)

    def build() -> tf_keras.Model:
        model = tf_keras.models.clone_model(frozen)
        model.set_weights(frozen.get_weights())
        for layer in model.layers:
            layer.trainable = layer.name in names
        return model

    spec, split = FrontEnd.from_dict(config.front_end), dataset.split
    parts = load_training(dataset, config.recipe, spec, cache, listener.steps)
    model, history = fit(config, parts.pop("train"), parts["validation"], folder, listener, build=build)
    if split.test:
        parts["test"] = load_part(dataset, split.test, spec, cache, listener.steps)
    predicted = {name: predictions(model, part, config.compute) for name, part in parts.items()}
    result = _compared(before, predicted["validation"], parts["validation"].recordings)
    result |= {"blocks": config.unfreeze, "epoch": kept_epoch(history, config.recipe.keep), "epochs": len(history)}
    saved = tf_keras.models.clone_model(frozen)  # of which every layer may be trained
    saved.set_weights(model.get_weights())
    return FineTuned(saved, history, predicted, result)


def trained_layers(model: tf_keras.Model, blocks: str) -> set[str]:
    """Return the names of the layers that are trained: the head's, and those of the last `blocks` blocks, or of all.

    A block's layers have names that begin alike: `block7_expand`, `block7_project`. Raises `UsageError` if there are
    fewer.
    """
    layers = [layer for layer in model.layers if layer.weights and layer.name not in HEAD]
    names = list(dict.fromkeys(layer.name.partition("_")[0] for layer in layers))
    count = len(names) if blocks == ALL else int(blocks)
    if count > len(names):
        raise UsageError(f"--unfreeze {blocks}: {model.name} has {len(names)} blocks: name as many or fewer, or {ALL}")
    chosen = names[len(names) - count :]
    return {
        layer.name
        for layer in model.layers
        if layer.name in HEAD
        or layer.name.partition("_")[0] in chosen
        and not isinstance(layer, tf_keras.layers.BatchNormalization)
    }


def _compared(before: dict[str, Any], after: dict[str, Any], recordings: tuple[str, ...]) -> dict[str, Any]:
    old, new = (prediction_scores(part) for part in (before, after))
    better, worse, p = compared(new, old, recordings)
    return {
        "better": better,
        "worse": worse,
        "p": p,
        "kept": better > worse and p < CHANCE,
        "frozen_score": float(old.mean()),
        "score": float(new.mean()),
    }
