"""Which builds of the engines there are for a machine, and the command that installs one.

Nothing here needs NumPy or an engine, so that `doctor` can report that it is missing.
"""

from __future__ import annotations

import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """What decides which wheels fit a machine.

    `architecture` is that of the programs it runs, "x86_64", "aarch64", "armv7l", ...: a 64-bit kernel may run 32-bit
    programs. `glibc` is the version of the GNU C library, None where there is another.
    """

    architecture: str
    glibc: tuple[int, int] | None
    python: tuple[int, int]


@dataclass(frozen=True)
class Wheels:
    """What there are wheels for: the least glibc by architecture, and the last Python, None for any."""

    package: str
    glibc: dict[str, tuple[int, int]]
    last_python: tuple[int, int] | None = None


WHEELS = {
    "litert": Wheels("ai-edge-litert", {"x86_64": (2, 27), "aarch64": (2, 27)}),
    "tflite-runtime": Wheels(
        'tflite-runtime==2.14.0 "numpy<2"', {"armv7l": (2, 34), "aarch64": (2, 34), "x86_64": (2, 17)}, (3, 11)
    ),
    "onnxruntime": Wheels("onnxruntime", {"x86_64": (2, 28), "aarch64": (2, 28)}),
}
"""By engine; ai-edge-litert and ONNX Runtime as of 2.3.0 and 1.32.0."""


def this_host() -> Host:
    """Return the machine that this process runs on."""
    kernel = platform.machine()
    architecture = {"arm64": "aarch64", "AMD64": "x86_64", "armv8l": "armv7l"}.get(kernel, kernel)
    if struct.calcsize("P") == 4:
        architecture = {"aarch64": "armv7l", "x86_64": "i686"}.get(architecture, architecture)
    return Host(architecture, glibc(*platform.libc_ver()), sys.version_info[:2])


def glibc(name: str, version: str) -> tuple[int, int] | None:
    """Return the version of glibc, None for another C library."""
    parts = version.split(".")
    if name != "glibc" or len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])


def obstacle(engine: str, host: Host) -> str | None:
    """Return why there is no wheel of an engine for a machine; None where there is one."""
    wheels = WHEELS[engine]
    if host.architecture not in wheels.glibc:
        return f"there is no build of it for {host.architecture} (but for {', '.join(wheels.glibc)})"
    if wheels.last_python and host.python > wheels.last_python:
        return f"there is no build of it for Python {_dotted(host.python)} (the last is {_dotted(wheels.last_python)})"
    needed = wheels.glibc[host.architecture]
    if sys.platform == "linux" and host.glibc is None:
        return "it needs glibc, and this system has another C library"
    if host.glibc is not None and host.glibc < needed:
        return f"it needs glibc {_dotted(needed)} or later, and this system has {_dotted(host.glibc)}"
    return None


def how_to_install(engine: str, host: Host | None = None, again: bool = False) -> str:
    """Return the command that installs an engine (again) on a machine, by default this one, or why there is none."""
    reason = obstacle(engine, host or this_host())
    if reason:
        return f"it cannot be installed here: {reason}"
    return f"run `pip install {'--force-reinstall ' if again else ''}{WHEELS[engine].package}`"


def how_to_install_one(engines: Sequence[str], host: Host | None = None) -> str:
    """Return how to install the first of some engines that there is a build of, or why there is none of any."""
    host = host or this_host()
    fitting = [name for name in engines if obstacle(name, host) is None]
    if fitting:
        return how_to_install(fitting[0], host)
    return "none can be: " + "; ".join(f"{name}: {obstacle(name, host)}" for name in engines)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
