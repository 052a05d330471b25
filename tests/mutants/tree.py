"""A copy of the tracked files in which mistakes are planted, and tests run that should notice them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NO_TESTS = 5
"""pytest's exit code where it collects nothing."""
OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0")


class Tree:
    """A copy of the tree in `folder`, for one mistake at a time; `made` keeps the exported files that tests share."""

    def __init__(self, folder: Path, made: Path) -> None:
        self.folder, self._made = folder, made
        self._process: subprocess.Popen[bytes] | None = None
        shutil.rmtree(folder, ignore_errors=True)
        names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True)
        for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)

    @contextlib.contextmanager
    def planted(self, path: str, content: str) -> Iterator[None]:
        """Replace a file's content for the time of a block."""
        file = self.folder / path
        before = file.read_text()
        file.write_text(content)
        try:
            yield
        finally:
            file.write_text(before)

    def python(self, *words: str, seconds: float) -> int | None:
        """Run Python in the tree; returns its exit code, or None where it was ended after so many seconds."""
        environment = {key: value for key, value in os.environ.items() if key not in ("CI", "GTZAN_ROOT")}
        environment |= {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "MADE": str(self._made)}
        silent = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=environment,
            stdin=silent,
            stdout=silent,
            stderr=silent,
            start_new_session=True,
        )
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.stop()

    def pytest(self, tests: Sequence[str], *options: str, seconds: float) -> int | None:
        """Run tests until one fails; returns as `python` does."""
        return self.python("-m", "pytest", *OPTIONS, *options, *tests, seconds=seconds)

    def stop(self) -> None:
        """End what runs, with every process that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
