"""A library of hard links to a few files, and a catalogue of it as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

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


class Cost(NamedTuple):
    """What a process cost: its seconds, those of processors, and the peak bytes of it and of its largest worker."""

    seconds: float
    processor_seconds: float
    main_bytes: int | None = None
    worker_bytes: int | None = None


def one_run(model: Path, library: Path, results: Path, workers: int) -> Cost:
    """Return what a catalogue costs, a whole process with its workers; raise `EngineError` if it fails."""
    words = ["catalogue", str(library), "--out", str(results), "--workers", str(workers), "--model", str(model)]
    main, largest, ended, silent = 0, 0, 0, subprocess.DEVNULL
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        command = [sys.executable, "-m", "runtime", *words]
        process = subprocess.Popen(command, env=child_environment(), stdout=silent, stderr=errors)
        while not ended:
            main = max(main, peak_memory(process.pid) or 0)
            largest = max([largest, *(peak_memory(child) or 0 for child in _children(process.pid))])
            time.sleep(0.02)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise EngineError(f"the catalogue failed ({last_line(errors.read(), f'exit code {process.returncode}')})")
    return Cost(seconds, used.ru_utime + used.ru_stime, main, largest)


def processor_seconds(process: int) -> float:
    """Return the seconds of processors that a process has used so far (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            yield from map(int, task.read_text().split())
        except OSError:  # the thread ended
            continue
