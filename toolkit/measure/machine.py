"""Which machine the figures are of."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

MATTER = frozenset({"asimddp", "i8mm", "sve", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"})
"""Processor features that networks' kernels use: products of 8-bit numbers, wide or fused sums."""


def describe_machine(packages: Iterable[str]) -> dict[str, str]:
    """Return the board or processor, what of it speeds networks up, system, cores and versions of installed packages.

    All are texts, by name.
    """
    processors = Path("/proc/cpuinfo")
    processor_features = features(processors.read_text(errors="replace")) if processors.exists() else frozenset()
    facts = {
        "processor": _model(),
        "architecture": platform.machine(),
        "features": " ".join(sorted(processor_features & MATTER)) or "none that matter here",
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    return facts | _versions(packages)


def machine_line(facts: Mapping[str, str]) -> str:
    """Return the facts as the line that stands under a table."""
    return f"Machine: {'; '.join(f'{name} {value}' for name, value in facts.items())}."


def features(text: str) -> frozenset[str]:
    """Return the processor features that the text of /proc/cpuinfo names."""
    lines = (line.partition(":") for line in text.splitlines())
    return frozenset(word for key, _, words in lines if key.strip() in ("flags", "Features") for word in words.split())


def _model() -> str:
    """Return the board's name (a Raspberry Pi has one) or the processor's, as the kernel gives it."""
    board = Path("/proc/device-tree/model")
    if board.exists():
        return board.read_text(errors="replace").strip("\0 \n")
    processors = Path("/proc/cpuinfo")
    model_name = re.search(r"^model name\s*:\s*(.+)$", processors.read_text(), re.M) if processors.exists() else None
    return model_name[1].strip() if model_name else platform.processor() or platform.machine()


def _versions(packages: Iterable[str]) -> dict[str, str]:
    installed = {}
    for name in packages:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed
