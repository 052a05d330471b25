"""A 64-bit ARM userland to run our wheel in: Debian's Python 3.11 unpacked from its packages, and aarch64 wheels.

    python tests/aarch64/userland.py FOLDER WHEEL [PACKAGE ...]
    FOLDER/python -m runtime song.mp3

Nothing is installed on this machine, and nothing needs root: qemu-aarch64-static runs the unpacked Python with its own
libraries. That proves what comes out on ARM, not how fast.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

QEMU = "qemu-aarch64-static"
TOOLS = (QEMU, "apt-get", "dpkg-deb")
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
DEBIAN = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6")
ENGINES = ("ai-edge-litert==2.1.6", "onnxruntime==1.27.0")
"""The newest that run under the qemu of Debian 12: ai-edge-litert 2.3.0 and ONNX Runtime 1.31.1 crash there."""
PROCESSOR = "cortex-a76"
"""A Pi 5's (cortex-a72: a Pi 4's). Under qemu 7.2's default, "max", XNNPACK's int8 kernels give wrong numbers."""
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


def missing() -> list[str]:
    """Return what this machine lacks to make and run a userland."""
    lacking = [name for name in TOOLS if shutil.which(name) is None]
    return lacking + ([] if any(path.is_file() for path in SOURCES) else ["Debian's package sources"])


def make(folder: Path, wheel: Path, packages: Sequence[str] = ()) -> Path:
    """Make a userland in `folder` with a wheel, its dependencies, both engines and other packages from PyPI.

    Returns
    -------
    Path
        A program that is used as `python` is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root, site = folder / "root", folder / "site"
    for package in _downloaded(folder / "apt"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), "--only-binary=:all:"]
    command += [
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        "--abi",
        "cp311",
        "--abi",
        "abi3",
        "--abi",
        "none",
    ]
    command += [word for platform in PLATFORMS for word in ("--platform", platform)]
    subprocess.run([*command, str(wheel), *ENGINES, *packages], check=True)
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nexport QEMU_CPU="${{QEMU_CPU:-{PROCESSOR}}}" PYTHONPATH="{site}${{PYTHONPATH:+:$PYTHONPATH}}"\n'
        f'exec {shutil.which(QEMU)} -L "{root}" "{root}/usr/bin/python3.11" "$@"\n'
    )
    python.chmod(0o755)
    return python


def _downloaded(folder: Path) -> list[Path]:
    """Download Debian's packages for arm64, with all that they depend on, with lists and a cache of our own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()  # of a system on which nothing is installed
    source = next(path for path in SOURCES if path.is_file())
    options = {
        "Dir::Etc::SourceList": source,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "--quiet=2", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    silent = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["--yes", "--no-install-recommends", "--download-only", "install", *DEBIAN]):
        subprocess.run([*apt, *command], check=True, env=silent, stdout=subprocess.DEVNULL)
    return sorted((folder / "cache" / "archives").glob("*.deb"))


if __name__ == "__main__":
    lacking = missing()
    if lacking or len(sys.argv) < 3:
        raise SystemExit(f"missing: {', '.join(lacking)}" if lacking else __doc__)
    print(make(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), sys.argv[3:]))
