"""The disk space of the installed packages that a label needs."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import Distribution


def sizes(packages: Iterable[str]) -> dict[str, int]:
    """Return the bytes of packages and of all that they require, by name, largest first.

    What is not installed is left out; so is what only an extra requires, unless something else does.
    """
    bytes_by_package: dict[str, int] = {}
    waiting = [_canonical(name) for name in packages]
    while waiting:
        name = waiting.pop()
        if name in bytes_by_package:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        bytes_by_package[name] = _size(distribution)
        waiting += [_canonical(text) for text in distribution.requires or () if "extra ==" not in text]
    return dict(sorted(bytes_by_package.items(), key=lambda entry: -entry[1]))


def _canonical(requirement: str) -> str:
    """Return the name that a requirement begins with, as PEP 503 normalises it."""
    (name,) = re.findall(r"^[A-Za-z0-9._-]+", requirement.strip()) or [""]
    return re.sub(r"[-_.]+", "-", name).lower()


def _size(distribution: Distribution) -> int:
    total = 0
    for file in distribution.files or ():
        with suppress(OSError):  # recorded, but removed since
            total += distribution.locate_file(file).stat().st_size  # type: ignore[attr-defined]
    return total
