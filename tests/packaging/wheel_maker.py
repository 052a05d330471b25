"""The wheel, built from a copy of what the repository tracks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.run_maker import made_once, shared_folder

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {"toolkit", "train", "export", "runtime", "benchmarks"}


def run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` without the repository on the path; its error output shows where it fails."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GTZAN_ROOT", "VIRTUAL_ENV")
    }
    result = subprocess.run([*map(str, command)], cwd=folder, env=kept, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result


def python_program(version: str) -> Path | None:
    """Return the program of a Python "3.x": that on the path or one of pyenv's; None where there is none."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for program in [shutil.which(f"python{version}"), *versions.glob(f"{version}.*/bin/python{version}")]:
        # pyenv's own command is on the path for a version that is not chosen, too, and fails
        if program and subprocess.run([program, "--version"], capture_output=True).returncode == 0:
            return Path(program)
    return None


def environment(folder: Path, wheel: Path, packages: Sequence[str], python: str | Path = sys.executable) -> Path:
    """Return the Python of a new environment with the wheel and packages; its dependencies come if they are named."""
    run([python, "-m", "venv", folder], folder.parent)
    program = folder / "bin" / "python"
    pip: list[str | Path] = [program, "-m", "pip", "install", "--quiet"]
    run([*pip, "--no-deps", wheel], folder)
    run([*pip, *packages], folder)
    return program


def copied_source(source: Path) -> Path:
    """Copy what the wheel is built from to `source`, so that a build leaves nothing behind, and return it."""
    source.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "gtzanet_edge.py", *PACKAGES):
        target = source / name
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.write_bytes((REPOSITORY / name).read_bytes())
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").touch()
    return source


def build(source: Path, kind: str, output: Path) -> Path:
    """Build the "wheel" or the "sdist" of a source folder into `output`, a new folder, and return it."""
    run([sys.executable, "-m", "build", f"--{kind}", "--outdir", output, source], source)
    (built,) = output.iterdir()
    return built


def build_wheel(base: Path) -> Path:
    """Build the wheel of a copy below `base` and return it."""
    return build(copied_source(base / "source"), "wheel", base / "dist")


def made_wheel(base: Path) -> Path:
    """Return the wheel, built at the first call of a test session; `base` is the worker's folder."""
    (built,) = made_once(shared_folder(base) / "made-wheel", build_wheel).glob("dist/*")
    return built
