"""A backbone's features of clips: computed once, and kept beside what its front end shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from toolkit.data.dataset import Item
from toolkit.data.features import Windows, default_cache, load_windows, pack, read_entry
from toolkit.files import digest_of, write_bytes
from toolkit.frontend.spec import FrontEnd
from train.data import Dataset, Part, Steps, items_of, part_of

FORMAT = 1
"""To be raised when the same model and front end give other features."""
BATCH = 8
"""Windows per call. It never changes: a window's features then have the same bits, whatever is computed with it."""
CLIPS = 64
"""Clips whose windows are held at once."""


@dataclass(frozen=True)
class Extractor:
    """Computes the features of a dataset's clips, or finds them in the folder `cache` (by default the usual one).

    `model` goes from what `spec` shows, float32 (n, *shape), to features (n, features); its published weights have the
    SHA-256 `weights`.
    """

    model: tf_keras.Model
    spec: FrontEnd
    weights: str
    cache: Path | None

    def part(self, dataset: Dataset, names: Sequence[str], what: str, progress: Steps) -> Part:
        """Return the clips called `names` with their features; `progress(what, done, total)` counts clips."""
        folder = default_cache() if self.cache is None else self.cache
        digests = {"format": FORMAT, "weights": self.weights, "front_end": self.spec.digest()}
        computed = {"tensorflow": tf.__version__, "gpu": bool(tf.config.get_visible_devices("GPU"))}
        network = digest_of({**digests, **computed, "network": self.model.to_json()})
        items = items_of(dataset, names)
        entries = {item.name: _entry(folder, network, item) for item in items}
        shape = self.model.output_shape[1:]
        stored = {name: read_entry(entry, np.float32, shape) for name, entry in entries.items()}
        rows = {name: values for name, values in stored.items() if values is not None}
        missing = [item for item in items if item.name not in rows]
        compute = tf.function(lambda batch: self.model(batch, training=False))
        for start in range(0, len(missing), CLIPS):
            chunk = missing[start : start + CLIPS]
            windows = load_windows(dataset.index, chunk, self.spec, self.cache)
            values = _predicted(compute, windows.values)
            for place, item in enumerate(chunk):
                rows[item.name] = values[windows.clips == place]
                write_bytes(entries[item.name], pack(rows[item.name]), durable=False)
            progress(what, len(rows), len(items))
        counts = [len(rows[item.name]) for item in items]
        values = np.concatenate([rows[item.name] for item in items])
        return part_of(dataset, items, Windows(values, np.repeat(np.arange(len(items)), counts)))


def _entry(folder: Path, network: str, item: Item) -> Path:
    name = digest_of({"network": network, "file": item.digest})
    return folder / name[:2] / f"{name}.features"


def _predicted(compute: tf.types.experimental.PolymorphicFunction, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features of windows; the last batch is filled up with zeros."""
    rows = []
    for start in range(0, len(values), BATCH):
        batch = values[start : start + BATCH]
        filled = np.zeros((BATCH, *values.shape[1:]), np.float32)
        filled[: len(batch)] = batch
        rows.append(compute(tf.constant(filled)).numpy()[: len(batch)])
    return np.concatenate(rows)
