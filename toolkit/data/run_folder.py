"""Training run folders as the later stages read them: a finished run has a model, a split and measured metrics."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.data.splits import Split
from toolkit.errors import DatasetError, RunError
from toolkit.files import digest_of, read_json

CONFIG, SPLIT, METRICS, MODEL = "config.json", "split.json", "metrics.json", "model.keras"


@dataclass(frozen=True)
class Run:
    """A finished training run: its folder, the names that its split holds, and the values of two files.

    `config` is that of `config.json`: model, classes, seed, data, split, front end, recipe, compute, versions, created,
    digest. `metrics` is that of `metrics.json`.
    """

    path: Path
    config: dict[str, Any]
    split: Split
    metrics: dict[str, Any]

    @property
    def model_path(self) -> Path:
        """The Keras model: float32 (n, *shape), what the front end shows, to float32 (n, classes) probabilities."""
        return self.path / MODEL

    @property
    def min_confidence(self) -> float:
        """The probability below which the run shows labels as unknown, 0 where it measured none.

        Raises `RunError` where it is no such number.
        """
        value = self.metrics.get("min_confidence", 0.0)
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise RunError(f"{self.path / METRICS}: min_confidence is not from 0 to 1: train the run again")
        return float(value)

    @classmethod
    def load(cls, path: Path) -> Run:
        """Return the finished run in `path`; raise `RunError` where there is none, or a file of it is damaged."""
        path = Path(path)
        _check_finished(path)
        config, split, metrics = (_json_object(path / name) for name in (CONFIG, SPLIT, METRICS))
        try:
            return cls(path, config, Split.from_dict(split), metrics)
        except DatasetError as error:
            raise RunError(f"{path / SPLIT}: {error}: train the run again") from None


def _check_finished(path: Path) -> None:
    """Raise `RunError` unless a finished run is in folder `path`."""
    if not path.exists():
        others = ", ".join(sorted(entry.name for entry in path.parent.glob("*") if (entry / METRICS).is_file())[:5])
        hint = f"finished runs in {path.parent} are {others}" if others else "train one with `python -m train gtzanet`"
        raise RunError(f"{path}: no such run folder: {hint}")
    if not (path / CONFIG).is_file():
        raise RunError(f"{path}: not a run folder (it has no {CONFIG}): name one that `python -m train` wrote")
    if not (path / METRICS).is_file():
        raise RunError(f"{path}: this run is not finished: go on with `python -m train --resume {path}`")
    for name in (MODEL, SPLIT):
        if not (path / name).is_file():
            raise RunError(f"{path / name}: is missing: put the run's own one back, or train the run again")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}): train the run again") from None
    if not isinstance(value, dict):
        raise RunError(f"{path}: is no JSON object: train the run again")
    return value


def config_digest(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what decides a run's weights: not where the data lay, nor when the run began."""
    value = {name: part for name, part in config.items() if name not in ("format", "created", "digest")}
    value["data"] = {name: part for name, part in value["data"].items() if name not in ("root", "negatives")}
    return digest_of(value)


def newest_run(root: Path, *, finished: bool = True, model: str | None = None) -> Path:
    """Return the run folder under `root` that was started last, of the finished or of the unfinished ones.

    Only runs of the network `model` count, and only those whose configuration can be read. Raises `RunError` where
    there is none.
    """
    dated_runs = []
    for path in (path.parent for path in sorted(Path(root).glob(f"*/{CONFIG}"))):
        if (path / METRICS).is_file() == finished:
            with suppress(OSError, ValueError, KeyError, TypeError):
                config = read_json(path / CONFIG)
                if model in (None, config["model"]) and isinstance(config["created"], str):
                    dated_runs.append((config["created"], path.name, path))
    if not dated_runs:
        what = f"{'finished' if finished else 'unfinished'} {model + ' ' if model else ''}run"
        hint = "train one with `python -m train gtzanet`" if finished else "start one without --resume"
        raise RunError(f"{root}: no {what} here: {hint}, or name the folder with --runs")
    return max(dated_runs)[2]
