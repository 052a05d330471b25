"""Which machine the figures are of."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path

PARTS = ("numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime", "soundfile", "soxr")


def describe_machine() -> dict[str, str]:
    """Return the board or processor, system, cores, load and the versions of what is measured, as texts by name."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    facts = {
        "processor": _model(),
        "architecture": platform.machine(),
        "cores": str(os.cpu_count()),
        "load average before": f"{load:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    return facts | _versions()


def _model() -> str:
    """Return the board's name (a Raspberry Pi has one) or the processor's, as the kernel gives it."""
    board = Path("/proc/device-tree/model")
    if board.exists():
        return board.read_text(errors="replace").strip("\0 \n")
    processors = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", processors.read_text(), re.M) if processors.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    installed = {}
    for name in PARTS:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed
