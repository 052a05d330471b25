"""The first batch of a training as the network sees it, before and after what the recipe does to examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from toolkit.frontend.spec import FrontEnd
from train.augment.examples import Examples
from train.config import RunConfig
from train.crops import EpochWindows
from train.data import Part
from train.feed import make_feed
from train.plots import plot_batch
from train.step import shard_sizes, shards

LEAST_SHARE = 0.1
"""Classes with a smaller share of a label are not named."""
SHOWN = 12


def save_preview(config: RunConfig, part: Part, path: Path) -> None:
    """Write a picture, PNG, of the first items of the first batch."""
    values, labels, examples, soft = first_batch(config, part)
    before, after = (label_texts(each, config) for each in (labels, soft))
    plot_batch(values[:SHOWN], before[:SHOWN], examples[:SHOWN], after[:SHOWN], path)


def first_batch(config: RunConfig, part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return values and labels of a run's first step, as they are read and as the network trains on them."""
    recipe, compute = config.recipe, config.compute
    spec = FrontEnd.from_dict(config.front_end)
    order = EpochWindows.of(config.seed, recipe, part, spec).order(0)[: recipe.batch_size]
    values, labels = next(iter(make_feed(part, compute.device).batches([order])))
    examples = Examples.of(recipe, spec, len(config.classes))
    seed = tf.constant((config.seed, 0), tf.int32)
    parts = shards(values, labels, seed, shard_sizes(len(order), compute.shards))
    prepared = [examples(tf.cast(shard, tf.float32), truth, shard_seed) for shard, truth, shard_seed in parts]
    shown, soft = (np.concatenate(arrays) for arrays in zip(*prepared, strict=True))
    return values.numpy(), labels.numpy(), shown, soft


def label_texts(labels: np.ndarray, config: RunConfig) -> Sequence[str]:
    """Return each label as text: of class numbers (n,) the name, of soft labels (n, classes) names with shares."""
    if labels.ndim == 1:
        return [config.classes[number] for number in labels]
    return [
        " + ".join(f"{config.classes[number]} {row[number]:.2f}" for number in np.flatnonzero(row >= LEAST_SHARE))
        for row in labels
    ]
