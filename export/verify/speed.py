"""Whether the files with smaller weights are faster than float32, on this machine, in the same engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.variants import Variant
from runtime.engines.load import Engine, open_engine
from toolkit.measure.latency import Ratio, Task, TimingPlan, measure, ratio

PLAN = TimingPlan(min_seconds=0.5, min_count=8, warmup=1, burst_seconds=0.05, burst_count=1)
THREADS = 1


def measure_ratios(
    files: Mapping[Variant, Path], batch: NDArray[np.float32], open: Callable[..., Engine] = open_engine
) -> dict[Variant, Ratio]:
    """Return the time of every file but the float32 ones as a multiple of that of its format's float32 file.

    The files of a format run in turns, on one thread, on the same input `batch`.
    """
    ratios: dict[Variant, Ratio] = {}
    for format in dict.fromkeys(variant.format for variant in files):
        own = {variant: path for variant, path in files.items() if variant.format == format}
        if len(own) == 1:
            continue
        tasks = {variant.precision: task(open(path, threads=THREADS), batch) for variant, path in own.items()}
        rounds = measure(tasks, PLAN)
        for variant in own:
            if variant.precision != "float32":
                ratios[variant] = ratio(rounds[variant.precision], rounds["float32"])
    return ratios


def is_faster(measured: Ratio) -> bool:
    """Return whether a file needs less time than float32: the ratio's 95 % interval lies below 1."""
    return measured.high < 1


def ratio_text(measured: Ratio, reference: str = "float32's") -> str:
    """Return a ratio as text."""
    return f"{measured.median:.2f} [{measured.low:.2f}, {measured.high:.2f}] times {reference} time"


def task(engine: Engine, batch: NDArray[np.float32]) -> Task:
    """Return the task that times a model: it always runs the same input."""
    return lambda number: engine.run(batch)
