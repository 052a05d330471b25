"""A Debian userland to run our wheel in: Python unpacked from Debian's packages, and wheels for it.

    python tests/aarch64/userland.py FOLDER WHEEL [RELEASE ARCHITECTURE]     (bookworm arm64; trixie amd64; ...)
    FOLDER/python -m runtime song.mp3

Nothing is installed on this machine, and nothing needs root. The unpacked Python runs with its own libraries: by its
own loader on this machine's architecture, by qemu-aarch64-static for ARM. The latter proves what comes out on ARM, not
how fast.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

QEMU = "qemu-aarch64-static"
TOOLS = (QEMU, "apt-get", "dpkg-deb")
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
ENGINES = ("ai-edge-litert==2.1.6", "onnxruntime==1.27.0")
"""The newest that run under the qemu of Debian 12: ai-edge-litert 2.3.0 and ONNX Runtime 1.31.1 crash there."""
PROCESSOR = "cortex-a76"
"""A Pi 5's (cortex-a72: a Pi 4's; cortex-a53: a Pi 3's). Under qemu 7.2's default, "max", XNNPACK's int8 kernels give
wrong numbers."""


@dataclass(frozen=True)
class Userland:
    """A release of Debian by its code name, for an architecture by Debian's name."""

    release: str = "trixie"
    architecture: str = "arm64"

    @property
    def python(self) -> str:
        """Return the version of the release's own Python."""
        return PYTHONS[self.release]

    @property
    def machine(self) -> str:
        """Return the architecture's name in wheels and folders."""
        return MACHINES[self.architecture]


def missing() -> list[str]:
    """Return what this machine lacks to make and run a userland."""
    lacking = [name for name in TOOLS if shutil.which(name) is None]
    return lacking + ([] if any(path.is_file() for path in SOURCES) else ["Debian's package sources"])


def make(folder: Path, wheel: Path, packages: Sequence[str], userland: Userland) -> Path:
    """Make a userland in `folder` with a wheel, its dependencies and other packages from PyPI.

    Returns
    -------
    Path
        A program that is used as `python` is; `sys.executable` names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root, site, python = folder / "root", folder / "site", folder / "python"
    for package in _downloaded(folder / "apt", userland):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    for name in ("lib", "lib64"):  # links that no package holds where /usr is merged
        if not (root / name).exists():
            (root / name).symlink_to(Path("usr", name))
    # `pip install` compares Requires-Python with the Python that it runs on itself; the ABI decides well enough.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--ignore-requires-python", "--only-binary=:all:"]
    command += ["--target", str(site)]
    command += ["--implementation", "cp", "--python-version", userland.python]
    for abi in ("cp" + userland.python.replace(".", ""), "abi3", "none"):
        command += ["--abi", abi]
    for kind in ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014"):
        command += ["--platform", f"{kind}_{userland.machine}"]
    subprocess.run([*command, str(wheel), *packages], check=True)
    (site / "sitecustomize.py").write_text(f"import sys\n\nsys.executable = {str(python)!r}\n")
    libraries = ":".join(str(root / name / f"{userland.machine}-linux-gnu") for name in ("lib", "usr/lib"))
    runner = {
        "arm64": f'{shutil.which(QEMU)} -L "{root}"',
        "amd64": f'"{root}/lib64/ld-linux-x86-64.so.2" --inhibit-cache --library-path "{libraries}"',
    }[userland.architecture]
    python.write_text(
        f'#!/bin/sh\nexport QEMU_CPU="${{QEMU_CPU:-{PROCESSOR}}}" PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}{site}"\n'
        f'exec {runner} "{root}/usr/bin/python{userland.python}" "$@"\n'
    )
    python.chmod(0o755)
    return python


def _downloaded(folder: Path, userland: Userland) -> list[Path]:
    """Download Debian's packages, with all that they depend on, with lists and a cache of our own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()  # of a system on which nothing is installed
    machines = next(path for path in SOURCES if path.is_file())
    source = folder / machines.name
    release_here = platform.freedesktop_os_release()["VERSION_CODENAME"]
    source.write_text(machines.read_text().replace(release_here, userland.release))
    options = {
        "Dir::Etc::SourceList": source,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": userland.architecture,
        "APT::Architectures": userland.architecture,
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "--quiet=2", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    silent = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = (f"python{userland.python}-minimal", f"libpython{userland.python}-stdlib", "libstdc++6")
    for command in (["update"], ["--yes", "--no-install-recommends", "--download-only", "install", *packages]):
        subprocess.run([*apt, *command], check=True, env=silent, stdout=subprocess.DEVNULL)
    return sorted((folder / "cache" / "archives").glob("*.deb"))


if __name__ == "__main__":
    lacking = missing()
    if lacking or len(sys.argv) < 3:
        raise SystemExit(f"missing: {', '.join(lacking)}" if lacking else __doc__)
    kind = Userland(*sys.argv[3:])
    print(make(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), ENGINES, kind))
