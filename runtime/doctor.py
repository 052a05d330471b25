"""`python -m runtime doctor`: which engines work on this machine, which do not and why, and whether a model runs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.engines.registry import ENGINES, installed
from runtime.engines.wheels import Host, how_to_install, how_to_install_one, this_host
from runtime.info import checked_card
from runtime.sizes import sizes
from toolkit.artifact.file import file_format
from toolkit.error_text import last_line
from toolkit.errors import GtzanetError
from toolkit.measure.machine import features

TIMEOUT_SECONDS = 120
UNKNOWN = "unknown version"
LARGEST = 3
PACKAGES = {"numpy": "numpy", "soundfile": "soundfile", "soxr": "soxr"}
DISTRIBUTIONS = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime", "onnxruntime": "onnxruntime"}
FAST_INT8 = {"x86_64": ("avx512_vnni", "avx_vnni"), "aarch64": ("asimddp", "i8mm")}
"""Processor features that make 8-bit models faster than float32 ones."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `bad` where it keeps sounds from being classified."""

    mark: str
    text: str

    @property
    def bad(self) -> bool:
        """Whether this must be mended."""
        return self.mark == BAD


GOOD, NOTE, BAD = "ok  ", "note", "BAD "


def examined(model: Path | None = None) -> list[Finding]:
    """Return what works on this machine: its packages and engines, and a model if one is named."""
    host = this_host()
    findings = [*_machine(host), *_packages()]
    engines: dict[str, Finding] = {}
    for name, kind in ENGINES.items():
        working = [other for other, finding in engines.items() if finding.mark == GOOD]
        other = next((other for other in working if ENGINES[other].format == kind.format), None)
        engines[name] = _engine(name, host, other)
    findings += engines.values()
    if not any(finding.mark == GOOD for finding in engines.values()):
        findings.append(Finding(BAD, f"no engine works: {how_to_install_one(list(ENGINES), host)}"))
    findings.append(_space())
    return findings + (list(_model(model, host)) if model else [])


def _machine(host: Host) -> Iterator[Finding]:
    system = f"glibc {'.'.join(map(str, host.glibc))}" if host.glibc else "no glibc"
    python = platform.python_version()
    yield Finding(GOOD, f"{host.architecture} programs on a {platform.machine()} kernel, {system}, Python {python}")
    path = Path("/proc/cpuinfo")
    has = features(path.read_text(errors="replace")) if path.exists() else frozenset()
    if has and host.architecture in FAST_INT8:
        fast = FAST_INT8[host.architecture]
        if useful := [name for name in fast if name in has]:
            effect = f"has {', '.join(useful)}: int8 layers of many channels are faster here than float32 ones"
        else:
            effect = f"has none of {', '.join(fast)}: int8 makes models smaller here, not faster"
        yield Finding(NOTE, f"the processor {effect}")


def _packages() -> Iterator[Finding]:
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            yield Finding(BAD, f"{package} is not installed: run `pip install {package}`")
            continue
        failure = _failure(["-c", f"import {module}"])
        command = f"pip install --force-reinstall {package}"
        if failure is None:
            yield Finding(GOOD, f"{package} {_version(package)}")
        else:
            command = "sudo apt install libsndfile1" if "sndfile" in failure else command
            yield Finding(BAD, f"{package} does not work ({failure}): run `{command}`")
    if shutil.which("ffmpeg") is None:
        yield Finding(NOTE, "ffmpeg is not installed, which m4a, aac and wma files need: `sudo apt install ffmpeg`")


def _engine(name: str, host: Host, other: str | None) -> Finding:
    """Return whether an engine works; `other` is one that does, for the same files."""
    if name not in installed() and other:
        return Finding(NOTE, f"{name} is not installed, and not needed: {other} runs the same files")
    if name not in installed():
        return Finding(NOTE, f"{name} is not installed: {how_to_install(name, host)}")
    version, numpy = _version(DISTRIBUTIONS[name]), _version("numpy")
    if name == "tflite-runtime" and numpy.partition(".")[0] not in ("1", UNKNOWN):
        return Finding(NOTE, f'{name} {version} needs NumPy 1, {numpy} is installed: run `pip install "numpy<2"`')
    failure = _failure(["-c", f"import {ENGINES[name].module}"])
    if failure is None:
        return Finding(GOOD, f"{name} {version} for .{ENGINES[name].format} files")
    return Finding(NOTE, f"{name} {version} does not work ({failure}): {how_to_install(name, host, again=True)}")


def _model(path: Path, host: Host) -> Iterator[Finding]:
    try:
        card = checked_card(path)
    except GtzanetError as error:
        yield Finding(BAD, str(error))
        return
    yield Finding(GOOD, f"{path}: {card.model}, {card.precision}, whole")
    if card.golden is None:
        reason = "a card of version 1 has none" if card.format_version == 1 else "its writer recorded none"
        yield Finding(NOTE, f"it has no golden samples ({reason}), so that its outputs cannot be checked here")
    format = file_format(path)
    tried = {}
    for name in installed(format):
        tried[name] = done = _run(["-m", "runtime.trial", str(path), name])
        if done.returncode == 0:
            yield from _trial(name, json.loads(done.stdout))
        else:
            first = not any(other.returncode == 0 for other in tried.values())
            hint = "; choose another with --engine" if len(installed(format)) > 1 else ""
            yield Finding(BAD if first else NOTE, f"{name} does not run it ({_reason(done)}){hint}")
    if not tried:
        names = [name for name, kind in ENGINES.items() if kind.format == format]
        yield Finding(BAD, f"no engine for .{format} files is installed: {how_to_install_one(names, host)}")


def _trial(name: str, trial: dict[str, float | None]) -> Iterator[Finding]:
    """Return how fast an engine runs a model, and whether its outputs are the golden ones."""
    memory = f", with {trial['peak_mb']:.0f} MB of memory" if trial["peak_mb"] else ""
    yield Finding(GOOD, f"{name} runs it in {trial['milliseconds']:.1f} ms on one thread{memory}")
    distance, limit = trial["distance"], trial["limit"]
    if distance is None or limit is None:
        return
    if distance <= limit:
        yield Finding(GOOD, f"{name} returns its golden outputs (largest difference {distance:.2g}, limit {limit:.2g})")
    else:
        yield Finding(
            BAD,
            f"{name} computes it wrongly here: its golden outputs are missed by {distance:.2g}, over {limit:.2g}: "
            "use another version of the engine or another precision",
        )


def _space() -> Finding:
    """Return the size on the disk of the packages that are needed and the engines that are installed."""
    bytes_by_package = sizes(["gtzanet-edge", *PACKAGES.values(), *(DISTRIBUTIONS[name] for name in installed())])
    largest = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in list(bytes_by_package.items())[:LARGEST])
    total = f"{sum(bytes_by_package.values()) / 1e6:.0f} MB in {len(bytes_by_package)} packages"
    return Finding(NOTE, f"installed for this: {total} ({largest}, ...)")


def _version(distribution: str) -> str:
    """Return the version of an installed package, "unknown version" where its name is another."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return UNKNOWN


def _failure(arguments: list[str]) -> str | None:
    """Return why Python fails with these arguments in a process of its own, which may crash; None where it does not."""
    done = _run(arguments)
    return None if done.returncode == 0 else _reason(done)


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", f"{sys.executable} cannot be started: {error.strerror}")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"it does not answer within {TIMEOUT_SECONDS} seconds")


_SIGNALS: Mapping[int, str] = {
    -signal.SIGILL: "it needs an instruction that this processor lacks",
    -signal.SIGSEGV: "it crashes",
    -signal.SIGABRT: "it aborts",
    -signal.SIGKILL: "it was killed, perhaps for memory",
}


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return _SIGNALS.get(done.returncode, f"it ended by signal {-done.returncode}")
    return last_line(done.stderr, f"it ended with code {done.returncode}")
