"""A list of files as CSV: the columns `file` and `label`, and, where they are known, `group`, `fold` and `part`."""

from __future__ import annotations

import csv
import os
import re
import reprlib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from toolkit.data.folder_tree import PART_NAMES
from toolkit.data.labelled import LabelledFile, LabelledFiles, check_classes
from toolkit.errors import DatasetError

LIST_SUFFIXES = frozenset({".csv", ".tsv"})
REQUIRED, OPTIONAL = ("file", "label"), ("group", "fold", "part")
DELIMITERS = ",;\t"
LABEL_SEPARATOR = ";"
Row = tuple[int, dict[str, str]]
"""A line's number and its cells by the names of their columns."""


def is_list(path: Path) -> bool:
    """Return whether a path is that of a list, and not of a folder."""
    return path.suffix.lower() in LIST_SUFFIXES and path.is_file()


def read_listing(path: Path, *, multi_label: bool = False) -> LabelledFiles:
    """Return the files that a CSV file lists; their paths are relative to its folder.

    The file is UTF-8, with or without a byte order mark. Commas, semicolons or tabs separate its cells, which may be
    quoted. Other columns are ignored. With `multi_label`, a label may be several, separated by semicolons.

    Raises `DatasetError`, with the line's number, if the list or a line of it cannot be used, a file is not there or
    listed twice, or a group is in two parts or folds.
    """
    rows = list(_rows(path))
    if not rows:
        raise DatasetError(f"{path}: lists no files: write a line for each below its header")
    for column in OPTIONAL[1:]:
        _check_whole(path, column, rows)
    grouped = any(cells["group"] for _, cells in rows)
    files = tuple(_file(path, row, multi_label, grouped) for row in rows)
    _check_once(path, rows, files)
    _check_groups(path, files)
    names = tuple(sorted({label for file in files for label in file.labels or (file.label,)}))
    check_classes(str(path), names)
    return LabelledFiles(path.parent, None, names, files)


def _rows(path: Path) -> Iterator[Row]:
    """Yield the lines that are not empty."""
    text = _text(path)
    header_line = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=header_line.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        _check_header(path, header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                problem = f"line {reader.line_num} has {len(cells)} cells, not {len(header)}"
                raise DatasetError(f"{path}: {problem}: put cells that hold a separator in double quotes")
            named = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            yield reader.line_num, dict.fromkeys(OPTIONAL, "") | named
    except csv.Error as error:
        raise DatasetError(f"{path}: line {reader.line_num} is no CSV ({error}): correct it") from None


def _check_header(path: Path, header: list[str]) -> None:
    for name in REQUIRED:
        if name not in header:
            columns = ", ".join(header)[:200]
            raise DatasetError(
                f"{path}: has no column {name} (its columns are {columns}): name one so in its first line"
            )
    for name in (*REQUIRED, *OPTIONAL):
        if header.count(name) > 1:
            raise DatasetError(f"{path}: has two columns {name}: keep one")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DatasetError(f"{path}: line {line} is not UTF-8: name a list, saved as CSV in UTF-8") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DatasetError(f"{path}: line {line} holds a NUL byte: name a list, saved as CSV in UTF-8")
    if not text.strip():
        raise DatasetError(f"{path}: is empty: its first line names the columns file and label")
    return text


def _file(path: Path, row: Row, multi_label: bool, grouped: bool) -> LabelledFile:
    """Return one line's file."""
    number, cells = row
    where = f"{path}: line {number}"
    for column in REQUIRED:
        if not cells[column]:
            raise DatasetError(f"{where} has no {column}: fill the cell, or remove the line")
    name = os.path.normpath(cells["file"])
    if not os.path.isfile(os.path.join(path.parent, name)):
        raise DatasetError(f"{where}: there is no file {cells['file']} in {path.parent}: correct the line or remove it")
    labels = tuple(label.strip() for label in cells["label"].split(LABEL_SEPARATOR))
    if len(set(labels)) < len(labels):
        raise DatasetError(f"{where} has a label twice ({cells['label']}): name each once")
    if len(labels) > 1 and not multi_label:
        raise DatasetError(f"{where} has several labels ({cells['label']}): keep one, or train with --multi-label")
    part = PART_NAMES.get(cells["part"].lower(), "")
    if cells["part"] and not part:
        raise DatasetError(f"{where}: part {cells['part']!r} is unknown: use train, validation or test")
    if cells["fold"] and not (re.fullmatch(r"\d{1,18}", cells["fold"], re.ASCII)):
        raise DatasetError(
            f"{where}: fold {reprlib.repr(cells['fold'])} is no whole number: number the folds, as 1, 2, 3"
        )
    group = f"group {cells['group']}" if cells["group"] else f"file {name}" if grouped else ""
    fold = int(cells["fold"]) if cells["fold"] else None
    return LabelledFile(name, labels[0], group, fold, part, labels if multi_label else ())


def _check_whole(path: Path, column: str, rows: list[Row]) -> None:
    """Refuse a column that some lines leave empty."""
    empty = [number for number, cells in rows if not cells[column]]
    if 0 < len(empty) < len(rows):
        raise DatasetError(
            f"{path}: line {empty[0]} has no {column}, and others have: fill the cell or empty the column"
        )


def _check_once(path: Path, rows: list[Row], files: tuple[LabelledFile, ...]) -> None:
    """Refuse a file that two lines name, by whichever of its paths."""
    first: dict[str, int] = {}
    for (number, _), file in zip(rows, files, strict=True):
        other = first.setdefault(os.path.abspath(path.parent / file.name), number)
        if other != number:
            raise DatasetError(f"{path}: lines {other} and {number} both list {file.name}: keep one")


def _check_groups(path: Path, files: tuple[LabelledFile, ...]) -> None:
    """Refuse a group in two parts or folds."""
    first: dict[str, LabelledFile] = {}
    for file in files:
        other = first.setdefault(file.group, file) if file.group else file
        for what, one, two in (("part", other.part, file.part), ("fold", other.fold, file.fold)):
            if one != two:
                group, places = file.group.partition(" ")[2], f"{other.name} in {one}, {file.name} in {two}"
                raise DatasetError(f"{path}: {group!r} is one group, and in two {what}s ({places}): put it into one")
