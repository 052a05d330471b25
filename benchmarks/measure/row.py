"""The results of one model file after a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure.accuracy import Accuracy, Detail, Paired
from benchmarks.measure.fresh_process import FreshProcess
from toolkit.measure.latency import Latency, Ratio


@dataclass(frozen=True)
class Row:
    """One model file's results. `status` is "ok", or what is wrong; what could not be measured is None.

    `name` is the file's path, and the number of threads where it was measured with several. `judged_on` is the split
    and part that its accuracy is of, the two digests those of its dataset and split. `stages` are the mean milliseconds
    of every stage from file to label (`Prediction.timings_ms`); they add up to their "total".
    """

    file: str
    size_bytes: int
    name: str = ""
    model: str = ""
    precision: str = ""
    run_digest: str = ""
    synthetic: bool = False
    engine: str = ""
    threads: int = 1
    judged_on: str = ""
    dataset_digest: str = ""
    split_digest: str = ""
    accuracy: Accuracy | None = None
    detail: Detail | None = None
    against_float32: Paired | None = None
    network: Latency | None = None
    network_ratio: Ratio | None = None
    file_to_label: Latency | None = None
    file_ratio: Ratio | None = None
    stages: dict[str, float] | None = None
    fresh: FreshProcess | None = None
    status: str = "ok"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.file)


def row_name(file: Path | str, threads: int, several: bool) -> str:
    """Return what a row is called: by its file, and by its number of threads where there are several."""
    return f"{file}, {threads} thread{'' if threads == 1 else 's'}" if several else str(file)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return what to call rows beside each other: their files' names, and whole paths where two are equal."""
    short = [Path(name).name for name in names]
    return {name: one if short.count(one) == 1 else name for name, one in zip(names, short, strict=True)}
