"""Results of finished runs as small JSON: what is kept of a run when its weights are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import RunError
from toolkit.files import read_json
from toolkit.runs import Run

HISTORY = "history.json"


@dataclass(frozen=True)
class Result:
    """One finished run: its name, configuration (without where the data lay), metrics and history."""

    name: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, Any]]


def load_results(targets: Sequence[Path]) -> list[Result]:
    """Return the results in run folders and in JSON files written by `python -m train report`.

    Raises
    ------
    RunError
        If a target is neither, or a run is not finished.
    """
    results: list[Result] = []
    for target in targets:
        if target.is_file():
            results += _from_json(target)
        else:
            results.append(_from_folder(target))
    return results


def to_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return the JSON value that `load_results` reads again."""
    return {"format": 1, "runs": [asdict(result) for result in results]}


def _from_folder(folder: Path) -> Result:
    run = Run.load(folder)
    config = {**run.config, "data": {**run.config["data"], "root": ""}}
    return Result(folder.resolve().name, config, run.metrics, read_json(folder / HISTORY))


def _from_json(path: Path) -> list[Result]:
    try:
        value = read_json(path)
        if value["format"] != 1:
            raise RunError(f"{path}: format {value['format']!r} is not known here: write it again with this version")
        return [Result(**entry) for entry in value["runs"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path}: not a results file ({error}): give run folders or a file that `report` wrote"
        ) from None
