"""What a measurement was taken under, read from made-up /proc and /sys, and what makes figures doubtful."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

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


def test_a_board_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    root = write(
        tmp_path / "root",
        {
            "proc/stat": f"cpu  {ticks} {ticks} {ticks} 900 90 {ticks} {ticks} {2 * ticks} 7 7\ncpu0 1 2 3\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "1800000\n",
            "sys/class/thermal/thermal_zone0/temp": "48312\n",
            "sys/class/thermal/thermal_zone1/temp": "not now\n",
            "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "4\n",
            "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "5\n",
        },
    )
    firmware(tmp_path, monkeypatch, "echo throttled=0x50005")
    found = conditions(root)
    assert (found.busy_seconds, found.stolen_seconds) == (5, 2)
    assert (found.governor, found.megahertz, found.celsius) == ("ondemand", 1800, 48.312)
    assert (found.throttled, found.throttle_count) == (0x50005, 9)
    assert described(found, found)["megahertz"] == "1800 MHz, 1800 MHz after"
    assert described(found, found)["throttled"] == "0x50005"


def firmware(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a `vcgencmd` that runs a script where programs are found."""
    program = folder / "bin" / "vcgencmd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.parametrize("script", ["echo nonsense", "exit 1", "echo throttled=0xZZ"])
def test_a_firmware_that_tells_nothing_is_no_error(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware(tmp_path, monkeypatch, script)
    assert conditions(tmp_path).throttled is None


def test_a_machine_that_tells_nothing_has_no_doubts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = conditions(tmp_path)
    unknown = (found.busy_seconds, found.governor, found.megahertz, found.celsius, found.throttle_count)
    assert unknown == (None,) * 5
    assert doubts(found, conditions(tmp_path), 2) == []


def test_this_machine_tells_how_long_it_has_worked() -> None:
    first = conditions()
    assert sum(number * number for number in range(300_000)) > 0
    last = conditions()
    assert last.own_seconds > first.own_seconds and last.clock > first.clock
    assert first.busy_seconds is None or first.busy_seconds > 0


def test_a_calm_machine_gives_no_doubts() -> None:
    assert doubts(CALM, LATER, 2) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"busy_seconds": 65.0}, "other programs used 25% of the processors"),
        ({"stolen_seconds": 5.0}, "hypervisor gave 20%"),
        ({"throttled": 0x4}, "the processor is throttled"),
        ({"throttled": 0x10000}, "the supply voltage is too low, at times"),
        ({"throttle_count": 4}, "throttled for heat"),
        ({"celsius": 85.0}, "85 degrees"),
        ({"governor": "powersave"}, '"powersave"'),
    ],
)
def test_what_disturbs_is_named(after: dict[str, object], words: str) -> None:
    (found,) = doubts(CALM, replace(LATER, **after), 2)  # type: ignore[arg-type]
    assert words in found


def test_what_happened_before_the_measuring_is_not_held_against_it() -> None:
    known = 0xF0000
    assert doubts(replace(CALM, throttled=known), replace(LATER, throttled=known), 2) == []
    assert len(doubts(replace(CALM, throttled=known), replace(LATER, throttled=known | 0xF), 2)) == len(THROTTLED)
