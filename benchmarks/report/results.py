"""The JSON file that a benchmark over model files writes, as `assets/results.schema.json` describes it, read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure.row import Row
from toolkit.dataclass_json import StrictError, from_json
from toolkit.errors import UsageError
from toolkit.files import read_json

FORMAT_VERSION = 2
READABLE = (1, 2)
"""Version 1 has no digests of the dataset, the split and the clips."""
SCHEMA = Path(__file__).parents[1] / "assets" / "results.schema.json"


@dataclass(frozen=True)
class Result:
    """A benchmark's result: its rows, the facts of its machine by name, why it is doubtful, and its clip's name."""

    rows: tuple[Row, ...]
    machine: dict[str, str]
    doubts: tuple[str, ...]
    clip: str


def read_result(path: Path) -> Result:
    """Return the result in a file. What cannot be printed in its texts is escaped.

    Raises `UsageError` if it cannot be read, or is not what `python -m benchmarks [MODEL...] --json` of this version
    writes.
    """
    advice = "name the results.json of a --report, or what `python -m benchmarks --json` wrote"
    try:
        value: Any = _printable(read_json(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"no JSON: {error}"
        raise UsageError(f"{path}: cannot be read ({reason}): {advice}") from None
    version = value.get("format_version") if isinstance(value, dict) else None
    if type(version) is not int:
        raise UsageError(f"{path}: not a benchmark of model files: {advice}")
    if version not in READABLE:
        readable = " and ".join(map(str, READABLE))
        raise UsageError(f"{path}: is of format {version}, this program reads {readable}: measure again")
    fields, conditions = {name: value.get(name) for name in ("rows", "machine", "clip")}, value.get("conditions")
    fields["doubts"] = conditions.get("doubts") if isinstance(conditions, dict) else None
    if version == 1 and isinstance(fields["rows"], list):
        fields["rows"] = [_with_digests(row) for row in fields["rows"]]
    try:
        result = from_json(Result, fields)
        _check(result)
    except StrictError as error:
        raise UsageError(f"{path}: not a benchmark of model files ({error}): {advice}") from None
    return result


def _with_digests(row: Any) -> Any:
    """Return a row of version 1 with the fields of version 2, empty."""
    if isinstance(row, dict) and isinstance(row.get("detail"), dict):
        row = row | {"detail": {"clips": []} | row["detail"]}
    return {"dataset_digest": "", "split_digest": ""} | row if isinstance(row, dict) else row


def _check(result: Result) -> None:
    """Raise `StrictError` where a number cannot have been measured, or two do not fit each other."""
    for number, row in enumerate(result.rows):
        peak = row.fresh.peak_bytes if row.fresh else None
        if row.size_bytes < 0 or row.threads < 1 or (peak is not None and peak < 1):
            raise StrictError(f"rows[{number}] has an impossible size, peak or number of threads")
        accuracy, detail = row.accuracy, row.detail
        if accuracy is not None and not (accuracy.n > 0 and 0 <= accuracy.correct <= accuracy.n):
            raise StrictError(f"rows[{number}].accuracy has an impossible count")
        if detail:
            n = accuracy.n if accuracy else len(detail.truth)
            if {len(detail.truth), len(detail.predicted), len(detail.clips or detail.truth)} != {n}:
                raise StrictError(f"rows[{number}].detail is not of accuracy's {n} samples")
            if not all(0 <= one < len(detail.labels) for one in (*detail.truth, *detail.predicted)):
                raise StrictError(f"rows[{number}].detail has a class number without a label")
        for name, timed in (("network", row.network), ("file_to_label", row.file_to_label)):
            if timed is not None and not (timed.p50_ms > 0 and timed.spread >= 0):
                raise StrictError(f"rows[{number}].{name} has an impossible time")


def _printable(value: Any) -> Any:
    """Return a JSON value whose texts can be printed as they are."""
    if isinstance(value, str):
        return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value
