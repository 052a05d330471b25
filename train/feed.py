"""Bring batches to where they are computed, so that the arithmetic never waits for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import tensorflow as tf

from train.data import Part

RESIDENT_BYTES = 4 << 30
"""Windows up to this many bytes (11,500 pictures) are kept in a GPU's memory; more are sent batch by batch."""

GPU = "GPU:0"

Batch = tuple[tf.Tensor, tf.Tensor]


class Feed(Protocol):
    """Something that yields a part's windows and labels in any order, batch by batch."""

    def batches(self, chosen: Sequence[np.ndarray]) -> Iterator[Batch]:
        """Yield (values (n, *shape), labels) for each array of window numbers.

        Values are uint8 or float32; labels are int32 (n,), or float32 (n, classes) where a clip may have several.
        """


class HostFeed:
    """Batches that are gathered in main memory; the next one while the last one is computed where `ahead` is set."""

    def __init__(self, part: Part, *, ahead: bool = False) -> None:
        self.part = part
        self.ahead = ahead

    def batches(self, chosen: Sequence[np.ndarray]) -> Iterator[Batch]:
        if not self.ahead:
            yield from (self._gather(numbers) for numbers in chosen)
            return
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(self._gather, chosen[0])
            for numbers in chosen[1:]:
                batch, following = following.result(), pool.submit(self._gather, numbers)
                yield batch
            yield following.result()

    def _gather(self, numbers: np.ndarray) -> Batch:
        return tf.constant(self.part.values[numbers]), tf.constant(self.part.labels[numbers])


class ResidentFeed:
    """Batches that are gathered in a GPU's memory, where all windows lie.

    TensorFlow gathers no uint8 on a GPU, so their bytes are kept as float32 values, four to a value, and are bytes
    again afterwards. Nothing is computed with those values.
    """

    def __init__(self, part: Part, device: str) -> None:
        self.shape, self.dtype = part.values.shape[1:], part.values.dtype
        self.device = device
        flat = np.ascontiguousarray(part.values).reshape(len(part.labels), -1)
        with tf.device(device):
            self.words = tf.constant(flat.view(np.float32))  # (n, 93312)
        self.labels = part.labels

    def batches(self, chosen: Sequence[np.ndarray]) -> Iterator[Batch]:
        for numbers in chosen:
            with tf.device(self.device):
                words = tf.gather(self.words, tf.constant(numbers, tf.int64))
                values = tf.reshape(tf.bitcast(words, tf.as_dtype(self.dtype)), (len(numbers), *self.shape))
            yield values, tf.constant(self.labels[numbers])


def make_feed(part: Part, device: str) -> Feed:
    """Return what feeds a part to the device "cpu" or "gpu"."""
    if device != "gpu":
        return HostFeed(part)
    resident = part.values.nbytes <= RESIDENT_BYTES and part.values[0].nbytes % 4 == 0
    return ResidentFeed(part, GPU) if resident else HostFeed(part, ahead=True)
