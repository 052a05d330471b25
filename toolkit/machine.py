"""Which machine the figures are of."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path


def describe_machine(packages: Iterable[str]) -> dict[str, str]:
    """Return the board or processor, system, cores, load and the versions of those packages that are installed.

    All are texts, by name.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    facts = {
        "processor": _model(),
        "architecture": platform.machine(),
        "cores": str(os.cpu_count()),
        "load average before": f"{load:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    return facts | _versions(packages)


def machine_line(facts: Mapping[str, str]) -> str:
    """Return the facts as the line that stands under a table."""
    return f"Machine: {'; '.join(f'{name} {value}' for name, value in facts.items())}."


def _model() -> str:
    """Return the board's name (a Raspberry Pi has one) or the processor's, as the kernel gives it."""
    board = Path("/proc/device-tree/model")
    if board.exists():
        return board.read_text(errors="replace").strip("\0 \n")
    processors = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", processors.read_text(), re.M) if processors.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _versions(packages: Iterable[str]) -> dict[str, str]:
    installed = {}
    for name in packages:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed
