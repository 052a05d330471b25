"""Bring batches to where they are computed, so that the arithmetic never waits for pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import tensorflow as tf

from train.data import Part

RESIDENT_BYTES = 4 << 30
"""Pictures up to this many bytes (11,500 of them) are kept in a GPU's memory; more are sent batch by batch."""

GPU = "GPU:0"

Batch = tuple[tf.Tensor, tf.Tensor]


class Feed(Protocol):
    """Something that yields a part's pictures and labels in any order, batch by batch."""

    def batches(self, chosen: Sequence[np.ndarray]) -> Iterator[Batch]:
        """Yield (pictures uint8 (n, 288, 432, 3), labels int32 (n,)) for each array of item numbers."""


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
        return tf.constant(self.part.pictures[numbers]), tf.constant(self.part.labels[numbers])


class ResidentFeed:
    """Batches that are gathered in a GPU's memory, where all pictures lie.

    TensorFlow gathers no uint8 on a GPU, so the pictures' bytes are kept as float32 values, four to a value, and are
    bytes again afterwards. Nothing is computed with those values.
    """

    def __init__(self, part: Part, device: str) -> None:
        self.shape = part.pictures.shape[1:]
        self.device = device
        flat = np.ascontiguousarray(part.pictures).reshape(len(part.labels), -1)
        with tf.device(device):
            self.words = tf.constant(flat.view(np.float32))  # (n, 93312)
        self.labels = part.labels

    def batches(self, chosen: Sequence[np.ndarray]) -> Iterator[Batch]:
        for numbers in chosen:
            with tf.device(self.device):
                words = tf.gather(self.words, tf.constant(numbers, tf.int64))
                pictures = tf.reshape(tf.bitcast(words, tf.uint8), (len(numbers), *self.shape))
            yield pictures, tf.constant(self.labels[numbers])


def make_feed(part: Part, device: str) -> Feed:
    """Return what feeds a part to the device "cpu" or "gpu"."""
    if device != "gpu":
        return HostFeed(part)
    return ResidentFeed(part, GPU) if part.pictures.nbytes <= RESIDENT_BYTES else HostFeed(part, ahead=True)
