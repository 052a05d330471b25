"""Training on several processors at once by TensorFlow's `tf.distribute`: each replica computes its rows of a batch.

A replica is a worker process, or a device of this process. All have the same weights, and each applies the same sums
of gradients to them: no weight is ever sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from toolkit.error_text import first_line
from toolkit.errors import RunError
from train.cluster import Cluster, cluster_of, meet
from train.config import Compute

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
"""What TensorFlow raises where a worker is gone."""


def strategy_of(compute: Compute) -> tf.distribute.Strategy | None:
    """Return the strategy of a run, connected to its other workers; None where one device of this process computes.

    It must be called before anything else of TensorFlow, and returns the same one later on. Raises `RunError` where a
    worker does not come.
    """
    if compute.strategy == "mirrored":
        return _mirrored("GPU" if compute.device == "gpu" else "CPU", compute.workers)
    cluster = cluster_of(compute)
    return _connected(cluster) if cluster else None


@cache
def _mirrored(kind: str, count: int) -> tf.distribute.Strategy:
    # By default AddN adds up, whose order depends on which thread was faster.
    adding = None if kind == "GPU" else tf.distribute.ReductionToOneDevice(accumulation_fn=_in_order)
    return tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(count)], adding)


@cache
def _connected(cluster: Cluster) -> tf.distribute.Strategy:
    meet(cluster)
    return tf.distribute.MultiWorkerMirroredStrategy()


def _in_order(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_sum(tf.stack(parts), 0)


@dataclass(frozen=True)
class Rows:
    """The rows from `first` up to `last` of a shard that has `total`.

    TensorFlow's kernels take no empty batch. So a replica without rows computes one that does not count: its share in
    all sums is 0.
    """

    first: int
    last: int
    total: int
    counts: bool = True

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """Return these rows of a shard's values."""
        return values if self.last - self.first == self.total else values[self.first : self.last]

    def placed(self, values: tf.Tensor) -> tf.Tensor:
        """Return these rows' values in their places, between zeros."""
        around = [[self.first, self.total - self.last]] + [[0, 0]] * (len(values.shape) - 1)
        return values if self.last - self.first == self.total else tf.pad(values, around)


def own_rows(sizes: Sequence[int], strategy: tf.distribute.Strategy | None) -> dict[int, Rows]:
    """Return what this replica computes of a batch's shards of these sizes: its rows, by the number of the shard.

    The batch is divided evenly and in its order.
    """
    if strategy is None:
        return {shard: Rows(0, size, size) for shard, size in enumerate(sizes)}
    mine = np.array_split(np.arange(sum(sizes)), strategy.num_replicas_in_sync)[replica()]
    own, begin = {}, 0
    for shard, size in enumerate(sizes):
        rows = mine[(mine >= begin) & (mine < begin + size)] - begin
        if len(rows):
            own[shard] = Rows(int(rows[0]), int(rows[-1]) + 1, size)
        begin += size
    return own or {0: Rows(0, 1, sizes[0], counts=False)}


def replica() -> int:
    """Return the number of this replica, from 0; 0 where there is one."""
    return int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))


def is_first_here() -> bool:
    """Return whether this replica is the first one of its process."""
    strategy = tf.distribute.get_replica_context().strategy
    return replica() == 0 or isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def summed(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sums of float32 values over all replicas, the same in each of them, bit by bit."""
    flat = tf.concat([tf.reshape(value, [-1]) for value in values], 0)
    total = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, flat)
    parts = tf.split(total, [value.shape.num_elements() for value in values])
    return [tf.reshape(part, value.shape) for part, value in zip(parts, values, strict=True)]


def run(strategy: tf.distribute.Strategy | None, function: Callable[..., Any], *values: Any) -> Any:
    """Return what `function` returns of these values in this process's first replica; all replicas call it."""
    if strategy is None:
        return function(*values)
    results = strategy.run(function, values)
    return tf.nest.map_structure(lambda result: strategy.experimental_local_results(result)[0], results)


def check_alike(strategy: tf.distribute.Strategy | None, digest: Callable[[], bytes]) -> None:
    """Raise `RunError` where the workers do not begin with the same state, of which each has a SHA-256 digest."""
    if strategy is None:
        return
    replicas, value = strategy.num_replicas_in_sync, list(digest())

    @tf.function
    def gathered() -> tf.Tensor:
        def place() -> tf.Tensor:
            own = tf.constant([value], tf.float32)
            return summed([Rows(replica(), replica() + 1, replicas).placed(own)])[0]

        return run(strategy, place)

    if len(np.unique(gathered().numpy(), axis=0)) > 1:
        raise RunError(
            "the workers do not begin alike: start each with the same command, dataset and versions, "
            "and with the same run folder where a run is resumed"
        )


@contextmanager
def watched(compute: Compute) -> Iterator[None]:
    """Make what TensorFlow raises in this block where a worker is lost one sentence, a `RunError`."""
    try:
        yield
    except LOST as error:
        if (cluster := cluster_of(compute)) is None:
            raise
        others = ", ".join(cluster.name(index) for index in range(len(cluster.addresses)) if index != cluster.index)
        raise RunError(
            f"a worker is lost, of {others} ({first_line(error)}): go on from the last checkpoint with "
            "python -m train --resume and the run's folder, on every worker"
        ) from None
