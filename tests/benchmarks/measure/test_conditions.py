"""The conditions of a measurement, read from a fake psutil and /sys, and what makes figures doubtful."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.measure.conditions import THROTTLED, Conditions, conditions, described, doubts

CALM = Conditions(
    clock=100.0,
    busy_seconds=50.0,
    stolen_seconds=1.0,
    own_seconds=10.0,
    load=0.1,
    governor="performance",
    megahertz=1500.0,
    celsius=50.0,
    throttled=0,
    throttle_count=3,
)
LATER = replace(CALM, clock=110.0, busy_seconds=60.5, own_seconds=20.0)
"""Ten seconds on: this program used one processor all the time, and others half a second."""


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below a folder and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def sensor(celsius: float) -> list[SimpleNamespace]:
    """Return what psutil returns for one sensor."""
    return [SimpleNamespace(current=celsius)]


def install(monkeypatch: pytest.MonkeyPatch, **functions: object) -> None:
    """Put a psutil of these functions in the place of the real one."""
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(**functions))


def test_a_board_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(
        tmp_path / "root",
        {
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "4\n",
            "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "5\n",
            "sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count": "not now\n",
        },
    )
    times = SimpleNamespace(user=1.0, nice=1.0, system=1.0, idle=900.0, iowait=90.0, irq=1.0, softirq=1.0, steal=2.0)
    install(
        monkeypatch,
        cpu_times=lambda: times,
        cpu_freq=lambda percpu: [SimpleNamespace(current=600.0), SimpleNamespace(current=1800.0)],
        sensors_temperatures=lambda: {"cpu_thermal": sensor(48.312), "nvme": sensor(81.0)},
    )
    firmware(tmp_path, monkeypatch, "echo throttled=0x50005")
    board = conditions(root)
    assert (board.busy_seconds, board.stolen_seconds) == (5, 2)
    assert (board.governor, board.megahertz, board.celsius) == ("ondemand", 1800, 48.312)
    assert (board.throttled, board.throttle_count) == (0x50005, 9)
    assert described(board, board)["megahertz"] == "1800 MHz, 1800 MHz after"
    assert described(board, board)["throttled"] == "0x50005"


def test_of_sensors_that_are_not_called_a_processors_the_hottest_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = SimpleNamespace(user=1.0, system=1.0)  # what psutil has on every system
    temperatures = {"acpitz": sensor(40.0), "pch": sensor(55.5)}
    install(monkeypatch, cpu_times=lambda: times, sensors_temperatures=lambda: temperatures)
    machine = conditions(tmp_path)
    assert (machine.busy_seconds, machine.stolen_seconds) == (2, None)
    assert (machine.celsius, machine.megahertz) == (55.5, None)


def firmware(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a `vcgencmd` that runs a script where programs are found."""
    program = folder / "bin" / "vcgencmd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.parametrize("script", ["echo nonsense", "exit 1", "echo throttled=0xZZ"])
def test_a_firmware_that_reports_nothing_is_no_error(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware(tmp_path, monkeypatch, script)
    assert conditions(tmp_path).throttled is None


def silent(**_: object) -> None:
    """Fail as psutil does where the kernel offers nothing."""
    raise FileNotFoundError("/proc/stat")


@pytest.mark.parametrize("installed", [True, False])
def test_a_machine_that_reports_nothing_has_no_doubts(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device may lack psutil, or psutil what it reads."""
    monkeypatch.setenv("PATH", str(tmp_path))
    install(monkeypatch, cpu_times=silent, cpu_freq=silent, sensors_temperatures=silent)
    if not installed:
        monkeypatch.setitem(sys.modules, "psutil", None)
    machine = conditions(tmp_path)
    unknown = (machine.busy_seconds, machine.governor, machine.megahertz, machine.celsius, machine.throttle_count)
    assert unknown == (None,) * 5
    assert machine.own_seconds > 0
    assert doubts(machine, conditions(tmp_path), 2) == []


def test_this_machine_reports_how_long_it_has_worked() -> None:
    first = conditions()
    assert sum(number * number for number in range(300_000)) > 0
    last = conditions()
    assert last.own_seconds > first.own_seconds and last.clock > first.clock
    assert first.busy_seconds is None or first.busy_seconds > 0


def test_a_calm_machine_has_no_doubts() -> None:
    assert doubts(CALM, LATER, 2) == []


@pytest.mark.parametrize(("celsius", "hot"), [(79.9, False), (80.0, True)])
def test_a_raspberry_pi_slows_down_from_80_degrees_on(celsius: float, hot: bool) -> None:
    assert (doubts(CALM, replace(LATER, celsius=celsius), 2) != []) == hot


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"busy_seconds": 65.0}, "other programs used 25% of the processors"),
        ({"stolen_seconds": 5.0}, "hypervisor spent 20%"),
        ({"throttled": 0x4}, "the processor is throttled"),
        ({"throttled": 0x10000}, "the supply voltage is too low, at times"),
        ({"throttle_count": 4}, "throttled for heat"),
        ({"celsius": 85.0}, "85 degrees"),
        ({"governor": "powersave"}, '"powersave"'),
    ],
)
def test_what_disturbs_is_named(after: dict[str, object], words: str) -> None:
    (reason,) = doubts(CALM, replace(LATER, **after), 2)  # type: ignore[arg-type]
    assert words in reason


def test_what_happened_before_the_measuring_is_not_held_against_it() -> None:
    past = 0xF0000
    assert doubts(replace(CALM, throttled=past), replace(LATER, throttled=past), 2) == []
    assert len(doubts(replace(CALM, throttled=past), replace(LATER, throttled=past | 0xF), 2)) == len(THROTTLED)
