"""A catalogue that is killed at any moment loses no row, has none twice, and reads no file again that has one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runtime.catalogue.library import environment, rows_of, tone

psutil = pytest.importorskip("psutil")
KILLS = {"results.parquet": 20, "results.csv": 6, "results.sqlite": 6}
FILES_PER_KILL = 60


def hard_links(root: Path, count: int) -> Path:
    """Make a folder of many files that are hard links to few, and return it."""
    tones = [tone(root / "0" / f"{number}.wav", 300 + 200 * number) for number in range(4)]
    (root / "1").mkdir()
    for number in range(4, count):
        os.link(tones[number % 4], root / "1" / f"{number}.wav")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("out", KILLS)
def test_nothing_is_lost_and_nothing_is_done_twice(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, out: str
) -> None:
    count = FILES_PER_KILL * KILLS[out]
    library = hard_links(tmp_path_factory.mktemp("killed") / "m", count)
    results, log, generator = tmp_path / out, tmp_path / "log", random.Random(out)
    partial = 0
    for kill in range(KILLS[out]):
        done = set(rows_of(results)) if results.exists() else set()
        log.write_text("")
        process = start(library, results, log)
        if kill % 4:  # after so many files; else at any time from the process's start on
            wait_for_files(log, generator.randrange(80), process)
        time.sleep(generator.uniform(0, 0.1 if kill % 4 else 2.0))
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        psutil.wait_procs(workers, timeout=10)
        assert not any(worker.is_running() for worker in workers)
        after = set(rows_of(results)) if results.exists() else set()
        read = log.read_text().splitlines()
        assert done <= after and not done & set(read) and len(read) == len(set(read))
        partial += 0 < len(after) < count
    assert partial >= KILLS[out] / 2  # else the kills came before or after all the work
    log.write_text("")
    process = start(library, results, log)
    assert process.wait(120) == 0
    assert set(log.read_text().splitlines()) == {str(path) for path in library.rglob("*.wav")} - after
    rows = rows_of(results)
    assert set(rows) == {str(path) for path in library.rglob("*.wav")} and not any(row.error for row in rows.values())
    for row in rows.values():
        first = rows[str(library / "0" / f"{int(Path(row.file).stem) % 4}.wav")]
        assert (row.digest, row.probabilities, row.size) == (first.digest, first.probabilities, first.size)
    assert {path.name for path in tmp_path.iterdir()} == {out, "log"}  # no lock, no temporary file
    if results.is_dir():
        assert all(path.name.startswith("part-") for path in results.iterdir())


def start(library: Path, results: Path, log: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.runtime.catalogue.logged_run", str(library), str(results), str(log)]
    return subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL)


def wait_for_files(log: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until more files than `count` are in the log, however slow the machine is."""
    end = time.monotonic() + 120
    while log.read_bytes().count(b"\n") <= count and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)
