"""Where the installed wheel is tested: Pythons, NumPy, the oldest and the newest libraries, Debian's userlands, ARM."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from tests.aarch64.userland import ENGINES, Userland
from tests.packaging.wheel_maker import REPOSITORY

EXTRAS = ("onnx", "mqtt", "completion")
"""Those of a device, which the tests need."""
PROCESSORS = ("cortex-a53", "cortex-a72", "cortex-a76")
"""Those of a Pi 3 and Zero 2 W, of a Pi 4, and of a Pi 5, which has instructions of its own for int8."""
FIRST_BUILDS = {"3.13": {"numpy": "numpy==2.1", "ai-edge-litert": "ai-edge-litert==2.1.0"}}
"""The oldest builds for a Python, where the project's oldest version has none."""
FIRST_WHEELS = {"3.13": {**FIRST_BUILDS["3.13"], "soxr": "soxr==0.5.0"}}
"""The same for userlands, which compile nothing."""


@dataclass(frozen=True)
class Place:
    """An environment to test in.

    Attributes
    ----------
    python
        Major and minor version.
    packages
        Requirements that pip installs beside the wheel.
    userland
        Where Python comes from, None for this machine's.
    processor
        The one that qemu emulates, None for this machine's.
    """

    python: str
    packages: tuple[str, ...]
    userland: Userland | None = None
    processor: str | None = None


def oldest() -> dict[str, str]:
    """Return the requirement of the oldest version that pyproject.toml allows, by package."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in EXTRAS for line in extras[name])]
    pairs = [line.partition(";")[0].split(">=") for line in lines]
    return {name: f"{name}=={version}" for name, version in pairs}


def places() -> dict[str, Place]:
    """Return every place by its name."""
    old = oldest()
    new = {name: name for name in old}
    return {**_pythons(old, new), **_tflite_runtime(new), **_userlands(old, new)}


def _pythons(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Place]:
    """Return this machine's Pythons with either NumPy; 3.13 has no build of the first."""
    combinations = {}
    for python, series in (("3.11", 1), ("3.11", 2), ("3.12", 1), ("3.12", 2), ("3.13", 2)):
        first = {**old, **({} if series == 1 else {"numpy": "numpy==2.1"}), **FIRST_BUILDS.get(python, {})}
        for age, requirements in (("oldest", first), ("newest", {**new, "numpy": f"numpy<{series + 1}"})):
            combinations[f"python{python}-numpy{series}-{age}"] = Place(python, tuple(requirements.values()))
    return combinations


def _tflite_runtime(new: Mapping[str, str]) -> dict[str, Place]:
    """Return the older engine alone, on the last Python that it has a build for."""
    rest = {name: line for name, line in new.items() if name not in ("ai-edge-litert", "onnxruntime")}
    requirements = {**rest, "numpy": "numpy<2", "tflite-runtime": "tflite-runtime==2.14.0"}
    return {"python3.11-numpy1-tflite-runtime": Place("3.11", tuple(requirements.values()))}


def _userlands(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Place]:
    """Return the Pythons of Debian 12 and 13 with the newest NumPy: of 13 here, and of both on ARM."""
    recent, qemu = {"numpy": "numpy"}, {line.partition("==")[0]: line for line in ENGINES}
    combinations = {}
    here = Userland("trixie", "amd64")
    for age, packages in (("oldest", {**old, **FIRST_WHEELS[here.python]}), ("newest", new)):
        combinations[f"trixie-amd64-{age}"] = Place(here.python, tuple({**packages, **recent}.values()), here)
    for release in ("bookworm", "trixie"):
        pi = Userland(release, "arm64")
        first = {**old, **FIRST_WHEELS.get(pi.python, {}), **recent}
        for age, packages in (("oldest", first), ("newest", {**new, **recent, **qemu})):
            for processor in PROCESSORS:
                name = f"{release}-{processor}-{age}"
                combinations[name] = Place(pi.python, tuple(packages.values()), pi, processor)
    return combinations
