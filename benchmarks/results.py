"""The JSON file that a benchmark over model files writes, as `assets/results.schema.json` describes it, read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.row import Row, row_of
from toolkit.errors import UsageError
from toolkit.files import read_json

FORMAT_VERSION = 1
SCHEMA = Path(__file__).parent / "assets" / "results.schema.json"


@dataclass(frozen=True)
class Result:
    """A benchmark's result: its rows, the facts of its machine by name, why it is doubtful, and its clip's name."""

    rows: tuple[Row, ...]
    machine: dict[str, str]
    doubts: tuple[str, ...]
    clip: str


def read_result(path: Path) -> Result:
    """Return the result in a file.

    Raises
    ------
    UsageError
        If it cannot be read, or is not what `python -m benchmarks [MODEL...] --json` of this version writes.
    """
    try:
        value: Any = read_json(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"no JSON: {error}"
        raise UsageError(f"{path}: cannot be read ({reason}): name what `python -m benchmarks --json` wrote") from None
    try:
        version = value["format_version"]
        if version == FORMAT_VERSION:
            rows = tuple(map(row_of, value["rows"]))
            return Result(rows, dict(value["machine"]), tuple(value["conditions"]["doubts"]), str(value["clip"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError(
            f"{path}: not a benchmark of model files: name what `python -m benchmarks --json` wrote"
        ) from None
    raise UsageError(f"{path}: is of format {version}, this program reads {FORMAT_VERSION}: measure again")
