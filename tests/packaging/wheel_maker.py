"""The wheel, built from a copy of what the repository tracks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

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


def build_wheel(base: Path) -> Path:
    """Build the wheel below `base`, from a copy, so that the build leaves nothing behind, and return it."""
    source = base / "source"
    source.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "gtzanet_edge.py", *PACKAGES):
        target = source / name
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.write_bytes((REPOSITORY / name).read_bytes())
    (source / "tests").mkdir()
    (source / "tests" / "__init__.py").touch()
    run([sys.executable, "-m", "build", "--wheel", "--outdir", base / "dist", source], base)
    (built,) = (base / "dist").glob("*.whl")
    return built
