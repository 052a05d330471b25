"""The labels of a model from elsewhere: a text file of a label per line, or CSV with a column of names."""

from __future__ import annotations

import csv
from pathlib import Path

from toolkit.artifact.text_checks import label_problems
from toolkit.errors import ArtifactError, UsageError

COLUMNS = ("display_name", "name", "label")
_INDEX = "index"


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the labels of a file in the order of the network's output.

    A file named .csv has a header with one of `COLUMNS`; where it has a column "index", that counts from 0.

    Raises
    ------
    UsageError
        If there is no such file, or it is no text.
    ArtifactError
        If a column is missing, the rows are not in order, or a label is blank or occurs twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: no UTF-8 text: name a file of a label per line, or CSV") from None
    lines = text.splitlines()
    labels = tuple(_column(path, lines) if path.suffix.lower() == ".csv" else text.rstrip().splitlines())
    if problem := next(label_problems(labels), None):
        repeated = next((label for number, label in enumerate(labels) if label in labels[:number]), None)
        raise ArtifactError(f"{path}: {problem}" + (f": {repeated}" if repeated else ""))
    return labels


def _column(path: Path, lines: list[str]) -> list[str]:
    rows = list(csv.DictReader(lines))
    names = list(rows[0]) if rows else []
    column = next((name for name in COLUMNS if name in names), None)
    if column is None:
        raise ArtifactError(
            f"{path}: its columns are {', '.join(map(str, names)) or 'none'}: it needs {' or '.join(COLUMNS)}"
        )
    if _INDEX in names and [row[_INDEX] for row in rows] != [str(number) for number in range(len(rows))]:
        raise ArtifactError(
            f"{path}: its column {_INDEX} does not count from 0: put the rows in the order of the output"
        )
    return [row[column] or "" for row in rows]
