"""How busy a GPU is, and with which kernels: read from TensorFlow's profiler."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

GPU_PLANE = "/device:GPU"
STREAM = "Stream"
Kernel = tuple[str, int, int]
"""A kernel's name, and its start and end in picoseconds."""


class GpuProfile:
    """A recording of what a GPU computes between `start` and `stop`.

    `busy` is the share of the time from the first kernel's start to the last one's end in which a kernel ran, None
    where nothing was recorded. `kernels` holds (name, share of all kernels' time), the longest first.
    """

    def __init__(self) -> None:
        self.busy: float | None = None
        self.kernels: tuple[tuple[str, float], ...] = ()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Begin to record."""
        import tensorflow as tf

        self._folder = tempfile.TemporaryDirectory()
        tf.profiler.experimental.start(self._folder.name)

    def stop(self) -> None:
        """End the recording and read it."""
        import tensorflow as tf

        if self._folder is None:
            raise RuntimeError("GpuProfile.stop was called before start")
        tf.profiler.experimental.stop()
        kernels = [kernel for path in Path(self._folder.name).rglob("*.xplane.pb") for kernel in read_kernels(path)]
        self._folder.cleanup()
        if kernels:
            self.busy, self.kernels = busy_share(kernels), kernel_shares(kernels)


def read_kernels(path: Path) -> Iterable[Kernel]:
    """Yield the kernels in a profiler's file (an `XSpace` of tensorflow/tsl/profiler/protobuf/xplane.proto)."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space: Any = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    for plane in space.planes:
        if not plane.name.startswith(GPU_PLANE):
            continue
        for line in plane.lines:
            if line.name.startswith(STREAM):
                base = line.timestamp_ns * 1000
                for event in line.events:
                    start = base + event.offset_ps
                    yield plane.event_metadata[event.metadata_id].name, start, start + event.duration_ps


def busy_share(kernels: Sequence[Kernel]) -> float:
    """Return the share of the whole span that at least one kernel covers."""
    spans = sorted((start, end) for _, start, end in kernels)
    covered, reached = 0, spans[0][0]
    for start, end in spans:
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered / max(1, reached - spans[0][0])


def kernel_shares(kernels: Sequence[Kernel]) -> tuple[tuple[str, float], ...]:
    """Return each kernel name's share of the kernels' summed time, the longest first."""
    sums: Counter[str] = Counter()
    for name, start, end in kernels:
        sums[name] += end - start
    total = max(1, sum(sums.values()))
    return tuple((name, length / total) for name, length in sums.most_common())
