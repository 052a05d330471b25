"""A library of hard links to a few files, and a catalogue of it as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure.fresh_process import child_environment, peak_memory
from toolkit.error_text import last_line
from toolkit.errors import EngineError

IN_A_FOLDER = 1_000


def hard_links(folder: Path, sources: Sequence[Path], count: int) -> Path:
    """Return `folder` with so many hard links to a few files, a thousand in each subfolder."""
    for number in range(count):
        source = sources[number % len(sources)]
        target = folder / f"{number // IN_A_FOLDER:04}" / f"{number:07}{source.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    return folder


def one_run(model: Path, library: Path, results: Path, workers: int) -> tuple[float, int, int]:
    """Return the seconds of a catalogue, a whole process, and the peak bytes of it and of its largest worker.

    Raise `EngineError` if it fails.
    """
    words = ["catalogue", str(library), "--out", str(results), "--workers", str(workers), "--model", str(model)]
    main, largest = 0, 0
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime", *words], env=child_environment(), stdout=subprocess.DEVNULL, stderr=errors
        )
        while process.poll() is None:
            main = max(main, peak_memory(process.pid) or 0)
            largest = max([largest, *(peak_memory(child) or 0 for child in _children(process.pid))])
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        if process.returncode:
            errors.seek(0)
            raise EngineError(f"the catalogue failed ({last_line(errors.read(), f'exit code {process.returncode}')})")
    return seconds, main, largest


def _children(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            yield from map(int, task.read_text().split())
        except OSError:  # the thread ended
            continue
