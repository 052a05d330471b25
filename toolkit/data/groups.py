"""Which files belong to one recording, artist or day, by a regular expression on their paths."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace

from toolkit.data.labelled import LabelledFile
from toolkit.errors import DatasetError, UsageError


def with_groups(files: Sequence[LabelledFile], pattern: str) -> list[LabelledFile]:
    """Return files with the group that a regular expression finds in each one's path below the folder of all.

    The group is the expression's first group, or the whole match where it has none. A file without a match is a
    recording of its own. An empty pattern leaves the files as they are.

    Raises
    ------
    UsageError
        If the pattern is no regular expression, or the files' groups are stated already.
    DatasetError
        If it matches no path, or puts all files into one group, or each into one of its own.
    """
    if not pattern:
        return list(files)
    flag = f"--group-by {pattern!r}"
    if any(file.group for file in files):
        raise UsageError(f"{flag}: the list has a column group: leave the flag or the column out")
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of later versions
            expression = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{flag} is no regular expression ({error}): see Python's module re for how to write one"
        ) from None
    groups = [_group(expression.search(file.name)) for file in files]
    matched = [group for group in groups if group]
    if not matched:
        raise DatasetError(f"{flag} matches no file's path, such as {files[0].name}: correct it")
    if len(set(groups)) == 1:
        raise DatasetError(f"{flag} puts all {len(files)} files into one group ({matched[0]}): match what differs")
    if len(set(matched)) == len(matched):
        raise DatasetError(f"{flag} puts each file into a group of its own ({files[0].name}: {matched[0]}): match less")
    return [
        replace(file, group=f"group {group}" if group else f"file {file.name}")
        for file, group in zip(files, groups, strict=True)
    ]


def _group(match: re.Match[str] | None) -> str:
    """Return the first group of a match, or the whole of it; "" where there is none."""
    return "" if match is None else (match[1] if match.re.groups else match[0]) or ""
