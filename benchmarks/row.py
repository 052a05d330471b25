"""What is known of one model file after a benchmark, and what it is as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy import Accuracy, Detail, Paired
from benchmarks.memory import FreshProcess
from toolkit.latency import Latency, Ratio
from toolkit.metrics import ClassScore


@dataclass(frozen=True)
class Row:
    """One model file's results. `status` is "ok", or says what is wrong; what could not be measured is None.

    `name` is the file's path, and the number of threads where it was measured with several. `stages` are the mean
    milliseconds of every stage from file to label (`Prediction.timings_ms`); they add up to their "total".
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


def judged(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row that tell its accuracy, from JSON values."""
    accuracy, detail = value["accuracy"], value["detail"]
    return {
        "judged_on": value["judged_on"],
        "status": value["status"],
        "accuracy": accuracy and Accuracy(**accuracy | {"wilson95": tuple(accuracy["wilson95"])}),
        "detail": detail
        and Detail(
            **detail
            | {name: tuple(detail[name]) for name in ("labels", "truth", "predicted")}
            | {
                "confusion": tuple(map(tuple, detail["confusion"])),
                "per_class": {label: ClassScore(**score) for label, score in detail["per_class"].items()},
            }
        ),
    }


def row_of(value: Mapping[str, Any]) -> Row:
    """Return the row that JSON values tell; raises `KeyError` or `TypeError` where they tell none."""
    kinds = {"against_float32": Paired, "network_ratio": Ratio, "file_ratio": Ratio, "fresh": FreshProcess}
    parts = {name: value[name] and kind(**value[name]) for name, kind in kinds.items()}
    timed = {name: value[name] and _latency(value[name]) for name in ("network", "file_to_label")}
    return Row(**dict(value) | judged(value) | parts | timed)


def _latency(value: Mapping[str, Any]) -> Latency:
    pairs = {name: tuple(value[name]) for name in ("p50_95", "p90_95", "p99_95", "percentiles_ms")}
    return Latency(**dict(value) | pairs)
