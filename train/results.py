"""Results of finished runs as small JSON: what is kept of a run when its weights are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.data.run_folder import CONFIG, METRICS, Run
from toolkit.data.splits import PARTS
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import RunError
from toolkit.files import read_json
from toolkit.measure.metrics import ClassScore
from train.confidence import Calibration, Unknown
from train.config import RunConfig

HISTORY = "history.json"


@dataclass(frozen=True)
class Epoch:
    """An entry of a run's history."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class EpochOfLabels:
    """An entry of the history of a run whose clips may have several labels."""

    epoch: int
    loss: float
    val_loss: float
    val_mAP: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class FittedHead:
    """The first entry of the history of a run whose head is fitted to a frozen backbone."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    strength: float
    seconds: float
    hidden: int = 0


@dataclass(frozen=True)
class FittedHeadOfLabels:
    """The same where clips may have several labels."""

    epoch: int
    loss: float
    mAP: float
    val_loss: float
    val_mAP: float
    strength: float
    seconds: float
    hidden: int = 0


def check_epoch(value: Any, where: str) -> None:
    """Raise `StrictError` unless a value is an entry of a history."""
    names = value if isinstance(value, dict) else ()
    if "strength" in names:
        kind: type[Any] = FittedHeadOfLabels if "val_mAP" in names else FittedHead
        from_json(kind, {"hidden": 0} | value, where)
    else:
        from_json(EpochOfLabels if "val_mAP" in names else Epoch, value, where)


@dataclass(frozen=True)
class WindowCounts:
    """What the windows of long clips were recognised as."""

    n: int
    correct: int
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class RecordingCounts:
    """How many recordings the clips are takes of, and how many independent clips they count as."""

    n: int
    effective_n: float


@dataclass(frozen=True)
class Measured:
    """One part's entry in `metrics.json`, as `train.evaluate.measure` returns it."""

    n: int
    correct: int
    accuracy: float
    wald95: tuple[float, float]
    wilson95: tuple[float, float]
    top5: float
    blues_in_top5: float
    confusion: tuple[tuple[int, ...], ...]
    per_class: dict[str, ClassScore]
    windows: WindowCounts | None
    recordings: RecordingCounts | None

    def __post_init__(self) -> None:
        if not 0 <= self.correct <= self.n or self.n < 1:
            raise StrictError(f"{self.correct} of {self.n} is no share")


@dataclass(frozen=True)
class Takes:
    """How many clips of the dataset are takes of how many recordings, by their names."""

    clips: int
    recordings: int


@dataclass(frozen=True)
class FineTuning:
    """What became of the training of a backbone's blocks (see `train.backbones.fine_tune`)."""

    blocks: str
    epoch: int
    epochs: int
    better: int
    worse: int
    p: float
    kept: bool
    frozen_score: float
    score: float


@dataclass(frozen=True)
class Metrics:
    """The value of `metrics.json`."""

    validation: Measured
    test: Measured | None
    epochs: int
    final: dict[str, float]
    seconds: float
    takes: Takes | None
    fine_tuning: FineTuning | None
    calibration: Calibration | None
    unknown: Unknown | None
    min_confidence: float | None


@dataclass(frozen=True)
class Result:
    """One finished run: its name, configuration (without where the data lay), metrics and history."""

    name: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, Any]]


def load_results(targets: Sequence[Path]) -> list[Result]:
    """Return the results in run folders and in JSON files written by `python -m train report`.

    Raises `RunError` if a target is neither, or a run is not finished.
    """
    loaded = (_from_json(target) if target.is_file() else [_from_folder(target)] for target in targets)
    return [result for results in loaded for result in results]


def distinct(results: Sequence[Result]) -> list[Result]:
    """Return the results without those of a run that came before: equal digests are one run, not two seeds."""
    first: dict[str, Result] = {}
    for result in results:
        first.setdefault(result.config["digest"], result)
    return list(first.values())


def to_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return the JSON value that `load_results` reads again."""
    return {"format": 1, "runs": [asdict(result) for result in results]}


def _from_folder(folder: Path) -> Result:
    run = Run.load(folder)
    config = RunConfig.from_dict(run.config, str(folder / CONFIG)).to_dict()
    try:
        _check_metrics(run.metrics)
    except StrictError as error:
        raise RunError(f"{folder / METRICS}: not a run's metrics ({error}): train the run again") from None
    try:
        history = _checked_history(read_json(folder / HISTORY), run.metrics)
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / HISTORY}: not a run's history ({error}): train the run again") from None
    return Result(folder.resolve().name, {**config, "data": {**config["data"], "root": ""}}, run.metrics, history)


def _from_json(path: Path) -> list[Result]:
    try:
        value = read_json(path)
        if value["format"] != 1:
            raise RunError(f"{path}: its format is {value['format']!r}, not 1: write it again with this version")
        results = [Result(**entry) for entry in value["runs"]]
        for number, result in enumerate(results):
            RunConfig.from_dict(result.config, f"{path}: runs[{number}].config")
            _check_metrics(result.metrics, f"runs[{number}].metrics")
            _checked_history(result.history, result.metrics)
            if not isinstance(result.name, str):
                raise StrictError(f"runs[{number}].name is not text")
        return results
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path}: not a results file ({error}): name run folders or a file that `report` wrote"
        raise RunError(message) from None


def _check_metrics(value: Any, where: str = "") -> None:
    """Raise `StrictError` unless a value is that of `metrics.json`; most have no takes, and parts no windows."""
    if isinstance(value, dict):
        absent = {"windows": None, "recordings": None}
        parts = {name: part for name, part in value.items() if name in PARTS and isinstance(part, dict)}
        optional = ("takes", "fine_tuning", "calibration", "unknown", "min_confidence")
        value = dict.fromkeys(optional) | value | {name: absent | part for name, part in parts.items()}
    from_json(Metrics, value, where)
    check_epoch(value["final"], f"{where}.final".lstrip("."))


def _checked_history(value: Any, metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a history whose entries are complete and as many as the run's epochs; raise `StrictError` otherwise."""
    if not isinstance(value, list):
        raise StrictError("history is not a list")
    for number, entry in enumerate(value):
        check_epoch(entry, f"history[{number}]")
    if len(value) != metrics["epochs"]:
        raise StrictError(f"history has {len(value)} epochs, not {metrics['epochs']}")
    return list(value)
