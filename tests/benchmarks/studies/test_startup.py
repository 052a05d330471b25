"""Whole processes: they run in turns, a failing one is named, and the row has its costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.cli import entry
from benchmarks.measure.fresh_process import child_environment
from benchmarks.studies import startup
from benchmarks.studies.startup import Cost, Program, cells, measure
from toolkit.errors import EngineError

SLEEP = "import time; time.sleep({})"
BUSY = "import time\nwhile time.process_time() < {}: pass"


def test_processes_are_timed_and_weighed() -> None:
    blank = Program("blank", (sys.executable, "-c", "pass"))
    sleeping = Program("sleeping", (sys.executable, "-c", SLEEP.format(1)))
    large = Program("large", (sys.executable, "-c", "x = bytes(range(256)) * 400_000"), times=2)
    busy = Program("busy", (sys.executable, "-c", BUSY.format(1.1)))
    costs = {cost.name: cost for cost in measure([blank, sleeping, busy, large], 2, lambda done, total: None)}
    assert all(seconds > 1 for seconds in costs["sleeping"].seconds) and len(costs["sleeping"].seconds) == 2
    assert costs["blank"].ratios == costs["blank"].processor_ratios == (1, 1) and min(costs["sleeping"].ratios) > 1
    assert max(costs["sleeping"].processor_seconds) < 1 < min(costs["busy"].processor_seconds)
    blank_peak, large_peak = costs["blank"].peak_bytes, costs["large"].peak_bytes
    assert blank_peak and large_peak and 95e6 < large_peak - blank_peak < 120e6


def test_a_process_that_fails_is_named() -> None:
    with pytest.raises(EngineError, match="broken: the process failed .SystemExit|broken: the process failed .no luck"):
        measure([Program("broken", (sys.executable, "-c", "raise SystemExit('no luck')"))], 1, lambda done, total: None)


def test_a_row_has_every_cost() -> None:
    cost = Cost("a", (0.5, 0.25, 0.75), (1.0, 2.0, 4.0), (0.25, 0.5, 0.125), (3.0, 1.5, 2.5), 70_000_000, "ok")
    assert cells(cost) == ("a", "0.50 [0.25, 0.75]", "2.00", "0.250", "2.50", "70", "ok")


def test_a_process_may_write_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in child_environment() and "PATH" in child_environment()


@pytest.mark.slow
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "MANY", 2)
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    output = tmp_path / "start.json"
    assert entry(["start", "--rounds", "1", "--json", str(output), "--markdown", str(tmp_path / "start.md")]) == 0
    costs = json.loads(output.read_text())["costs"]
    steps = ["import numpy", "and runtime", "and the model is loaded"]
    assert [cost["name"] for cost in costs][:5] == [*steps, "python -m runtime", "the same, 2 clips"]
    assert all(cost["peak_bytes"] > 10e6 for cost in costs)
    assert "| import numpy |" in (tmp_path / "start.md").read_text()


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["gone.tflite"], ["--run", "gone"], ["--threads", "0"]])
def test_misuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["start", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.slow
def test_ctrl_c_ends_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """A terminal sends it to the processes that are measured, too."""
    psutil = pytest.importorskip("psutil")
    command = [sys.executable, "-m", "benchmarks", "start", "--rounds", "500", "--markdown", str(tmp_path / "s.md")]
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )
    try:
        deadline = time.monotonic() + 60
        while len(psutil.Process(process.pid).children(recursive=True)) < 2:  # what starts a program, and the program
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130 and printed == ""
    assert errors.splitlines()[-1] == "python -m benchmarks: interrupted" and "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
