"""The conditions of a measurement: how busy, how hot and how fast the machine was, before and after."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUSY_SHARE = 0.1
"""The share of all processors that others may use, or keep from this machine, before a figure is called doubtful."""
HOT_CELSIUS = 80.0
"""Where a Raspberry Pi begins to slow down."""
VCGENCMD = ("vcgencmd", "get_throttled")
PROCESSOR_SENSORS = ("coretemp", "cpu_thermal", "cpu-thermal", "k10temp", "soc_thermal", "zenpower")
"""What drivers call a processor's sensors; a disk or a radio that is hot slows no processor down."""
THROTTLED = {
    0: "the supply voltage is too low",
    1: "the frequency is capped",
    2: "the processor is throttled",
    3: "the temperature is at its soft limit",
}
"""Bits that a Raspberry Pi's firmware reports (its documentation's "get_throttled"); 16 higher: it happened before."""


@dataclass(frozen=True)
class Conditions:
    """A machine at one time; what it does not report is None.

    Seconds since the start that all processors have worked (`busy`), that a hypervisor kept from them (`stolen`), and
    that this process and its finished children have worked (`own`); of the `clock`, only differences count. `load` is
    the average over a minute, `megahertz` that of the fastest processor, `celsius` that of the hottest sensor,
    `throttled` the bits of a Raspberry Pi's firmware, `throttle_count` Intel's count of slowdowns for heat.
    """

    clock: float
    busy_seconds: float | None
    stolen_seconds: float | None
    own_seconds: float
    load: float | None
    governor: str | None
    megahertz: float | None
    celsius: float | None
    throttled: int | None
    throttle_count: int | None


def conditions(root: Path = Path("/")) -> Conditions:
    """Return the machine's conditions now; `root` is where /sys is.

    Load, frequency and heat are psutil's. Where it is not installed, as on a device that has only the engine, they are
    None.
    """
    times, own, processors = _psutil("cpu_times"), os.times(), root / "sys/devices/system/cpu"
    working = [getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")]
    frequencies = _psutil("cpu_freq", percpu=True) or ()
    counts = [_text(path) for path in processors.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    slowdowns = [int(text) for text in counts if text is not None and text.isdecimal()]
    return Conditions(
        clock=time.monotonic(),
        busy_seconds=sum(working) if times else None,
        stolen_seconds=getattr(times, "steal", None),
        own_seconds=own.user + own.system + own.children_user + own.children_system,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        governor=_text(processors / "cpu0/cpufreq/scaling_governor"),
        megahertz=max((one.current for one in frequencies if one.current), default=None),
        celsius=_celsius(),
        throttled=_throttled(),
        throttle_count=sum(slowdowns) if slowdowns else None,
    )


def doubts(before: Conditions, after: Conditions, processors: int) -> list[str]:
    """Return why figures that were measured between two times are doubtful, in sentences; empty where they are not.

    `processors` is how many the machine has.
    """
    reasons = []
    whole = max(after.clock - before.clock, 1e-9) * processors
    if before.busy_seconds is not None and after.busy_seconds is not None:
        own = after.own_seconds - before.own_seconds
        others = (after.busy_seconds - before.busy_seconds - own) / whole
        if others > BUSY_SHARE:
            reasons.append(f"other programs used {others:.0%} of the processors meanwhile")
    if before.stolen_seconds is not None and after.stolen_seconds is not None:
        stolen = (after.stolen_seconds - before.stolen_seconds) / whole
        if stolen > BUSY_SHARE:
            reasons.append(f"the hypervisor spent {stolen:.0%} of the processors' time on other machines")
    now = (after.throttled or 0) | (before.throttled or 0)
    since = (after.throttled or 0) & ~(before.throttled or 0) & ~(now << 16)
    reasons += [message for bit, message in THROTTLED.items() if now >> bit & 1]
    reasons += [f"{message}, at times" for bit, message in THROTTLED.items() if since >> (bit + 16) & 1]
    if before.throttle_count is not None and (after.throttle_count or 0) > before.throttle_count:
        reasons.append("the processor was throttled for heat")
    if after.celsius is not None and after.celsius >= HOT_CELSIUS:
        reasons.append(f"the processor was {after.celsius:.0f} degrees Celsius hot at the end")
    if after.governor == "powersave":
        reasons.append('the frequency governor is "powersave": set "performance"')
    return reasons


def described(before: Conditions, after: Conditions) -> dict[str, str]:
    """Return both times' conditions as texts by name, "before, after"; those that are not reported are left out."""
    texts = {}
    for name, unit, digits in (("load", "", 2), ("megahertz", " MHz", 0), ("celsius", " C", 0)):
        first, last = getattr(before, name), getattr(after, name)
        if first is not None and last is not None:
            texts[name] = f"{first:.{digits}f}{unit}, {last:.{digits}f}{unit} after"
    if after.governor is not None:
        texts["governor"] = after.governor
    if after.throttled is not None:
        texts["throttled"] = hex(after.throttled)
    return texts


def _psutil(name: str, **arguments: Any) -> Any:
    """Return what a function of psutil returns; None where it, or what it reads, is not there."""
    try:
        import psutil  # type: ignore[import-untyped]

        return getattr(psutil, name)(**arguments)
    except (ImportError, AttributeError, OSError, NotImplementedError):  # a driver without a current frequency
        return None


def _celsius() -> float | None:
    """Return the temperature of the processor's hottest sensor; of the hottest of all where none is called so."""
    sensors = _psutil("sensors_temperatures") or {}
    processor = {name: entries for name, entries in sensors.items() if name in PROCESSOR_SENSORS} or sensors
    return max((entry.current for entries in processor.values() for entry in entries if entry.current), default=None)


def _throttled() -> int | None:
    """Return the bits of a Raspberry Pi's firmware on supply and heat; None elsewhere."""
    try:
        done = subprocess.run(VCGENCMD, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    bits = re.fullmatch(r"throttled=0x([0-9a-fA-F]+)", done.stdout.strip())
    return int(bits[1], 16) if bits else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # also of files that are there, but cannot be read just now
        return None
