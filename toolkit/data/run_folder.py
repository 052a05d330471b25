"""Training run folders as the later stages read them: a finished run has a model, a split and measured metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.data.splits import Split
from toolkit.errors import DatasetError, RunError
from toolkit.files import digest_of, read_json

CONFIG, SPLIT, METRICS, MODEL = "config.json", "split.json", "metrics.json", "model.keras"


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes
    ----------
    path
        Its folder.
    config
        The value of `config.json`: model, classes, seed, data, split, front end, recipe, compute, versions, created,
        digest.
    split
        The names of the items it was trained, validated and tested on.
    metrics
        The value of `metrics.json`.
    """

    path: Path
    config: dict[str, Any]
    split: Split
    metrics: dict[str, Any]

    @property
    def model_path(self) -> Path:
        """The Keras model: float32 (n, 288, 432, 3) pixel values 0..255 to float32 (n, classes) probabilities."""
        return self.path / MODEL

    @classmethod
    def load(cls, path: Path) -> Run:
        """Return the finished run in folder `path`.

        Raises
        ------
        RunError
            If there is no run there, or it is not finished, or a file of it is damaged.
        """
        path = Path(path)
        if not path.exists():
            others = ", ".join(sorted(entry.name for entry in path.parent.glob("*") if (entry / METRICS).is_file())[:5])
            hint = (
                f"finished runs in {path.parent} are {others}" if others else "train one with `python -m train gtzanet`"
            )
            raise RunError(f"{path}: no such run folder: {hint}")
        if not (path / CONFIG).is_file():
            raise RunError(f"{path}: not a run folder (it has no {CONFIG}): name one that `python -m train` made")
        if (path / METRICS).is_file() and not (path / MODEL).is_file():
            raise RunError(f"{path / MODEL}: is missing: put the run's own one back, or train the run again")
        if not (path / METRICS).is_file():
            raise RunError(f"{path}: this run is not finished: go on with `python -m train --resume {path}`")
        values = {}
        for name in (CONFIG, SPLIT, METRICS):
            try:
                values[name] = read_json(path / name)
            except FileNotFoundError:
                raise RunError(f"{path / name}: is missing: put it back, or train the run again") from None
            except (OSError, ValueError) as error:
                raise RunError(f"{path / name}: cannot be read ({error}): train the run again") from None
            if not isinstance(values[name], dict):
                raise RunError(f"{path / name}: is no JSON object: train the run again")
        try:
            split = Split.from_dict(values[SPLIT])
        except DatasetError as error:
            raise RunError(f"{path / SPLIT}: {error}: train the run again") from None
        return cls(path, values[CONFIG], split, values[METRICS])


def config_digest(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what decides a run's weights: not where the data lay, nor when the run began."""
    value = {name: part for name, part in config.items() if name not in ("format", "created", "digest")}
    value["data"] = {name: part for name, part in value["data"].items() if name != "root"}
    return digest_of(value)


def newest_run(root: Path, *, finished: bool = True, model: str | None = None) -> Path:
    """Return the run folder under `root` that was started last; one whose configuration is damaged does not count.

    Parameters
    ----------
    root
        The folder of runs.
    finished
        Look for finished runs (the default) or for unfinished ones.
    model
        Only runs of this network.

    Raises
    ------
    RunError
        If there is none.
    """
    dated_runs = []
    for path in sorted(Path(root).iterdir()) if Path(root).is_dir() else []:
        if (path / CONFIG).is_file() and (path / METRICS).is_file() == finished:
            try:
                config = read_json(path / CONFIG)
                if model in (None, config["model"]) and isinstance(config["created"], str):
                    dated_runs.append((config["created"], path.name, path))
            except (OSError, ValueError, KeyError, TypeError):
                continue
    if not dated_runs:
        what = f"{'finished' if finished else 'unfinished'} {model + ' ' if model else ''}run"
        hint = "train one with `python -m train gtzanet`" if finished else "start one without --resume"
        raise RunError(f"{root}: no {what} here: {hint}, or say where with --runs")
    return max(dated_runs)[2]
