"""What a measurement was taken under: how busy, how hot and how fast the machine was, before and after."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

BUSY_SHARE = 0.1
"""The share of all processors that others may use, or take away, before a figure is called doubtful."""
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
"""Bits of what a Raspberry Pi's firmware tells (its documentation's "get_throttled"); 16 higher: it happened before."""
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Conditions:
    """A machine at one time; what it does not tell is None.

    Attributes
    ----------
    clock
        Seconds on a clock that only differences count of.
    busy_seconds, stolen_seconds
        What all processors have worked since the start, and what a hypervisor gave to others.
    own_seconds
        What this process and its finished children have worked.
    load
        Load average over a minute.
    governor
        How the kernel chooses the frequency, "performance" or "ondemand", say.
    megahertz
        Frequency of the fastest processor.
    celsius
        The hottest sensor's temperature.
    throttled
        The bits that a Raspberry Pi's firmware tells.
    throttle_count
        How often the processors were throttled for heat since the start, as Intel's count.
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
    """Return what the machine tells now; `root` is where /sys is.

    psutil tells of load and heat. Where it is not installed, as on a device that has only the engine, they are None.
    """
    psutil = _psutil()
    busy, stolen = _processor_seconds(psutil)
    times = os.times()
    return Conditions(
        clock=time.monotonic(),
        busy_seconds=busy,
        stolen_seconds=stolen,
        own_seconds=times.user + times.system + times.children_user + times.children_system,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        governor=_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        megahertz=_megahertz(psutil),
        celsius=_celsius(psutil),
        throttled=_throttled(),
        throttle_count=_throttle_count(root / "sys/devices/system/cpu"),
    )


def doubts(before: Conditions, after: Conditions, processors: int) -> list[str]:
    """Return why figures that were measured between two times are doubtful, in plain words; empty where they are not.

    Parameters
    ----------
    before, after
        The machine when the measuring began and ended.
    processors
        How many it has.
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
            reasons.append(f"the hypervisor gave {stolen:.0%} of the processors' time to other machines")
    now = (after.throttled or 0) | (before.throttled or 0)
    reasons += [message for bit, message in THROTTLED.items() if now >> bit & 1]
    since = (after.throttled or 0) & ~(before.throttled or 0)
    reasons += [
        f"{message}, at times" for bit, message in THROTTLED.items() if since >> (bit + 16) & 1 and not now >> bit & 1
    ]
    if before.throttle_count is not None and (after.throttle_count or 0) > before.throttle_count:
        reasons.append("the processor was throttled for heat")
    if after.celsius is not None and after.celsius >= HOT_CELSIUS:
        reasons.append(f"the processor was {after.celsius:.0f} degrees Celsius hot at the end")
    if after.governor == "powersave":
        reasons.append('the frequency governor is "powersave": set "performance"')
    return reasons


def described(before: Conditions, after: Conditions) -> dict[str, str]:
    """Return what is known of both times as texts by name, "before, after"."""
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


def _psutil() -> ModuleType | None:
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return None
    return psutil


def _processor_seconds(psutil: ModuleType | None) -> tuple[float | None, float | None]:
    """Return the seconds that all processors have worked since the start, and those that a hypervisor took away."""
    if psutil is None:
        return None, None
    try:
        times = psutil.cpu_times()
    except OSError:
        return None, None
    interrupts = getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)
    return times.user + getattr(times, "nice", 0.0) + times.system + interrupts, getattr(times, "steal", None)


def _megahertz(psutil: ModuleType | None) -> float | None:
    """Return the frequency of the fastest processor."""
    if psutil is None or not hasattr(psutil, "cpu_freq"):
        return None
    try:
        frequencies = psutil.cpu_freq(percpu=True) or ()
    except (OSError, NotImplementedError):  # a driver without a current frequency
        return None
    return max((one.current for one in frequencies if one.current), default=None)


def _celsius(psutil: ModuleType | None) -> float | None:
    """Return the temperature of the processor's hottest sensor; of the hottest of all where none is called so."""
    if psutil is None or not hasattr(psutil, "sensors_temperatures"):
        return None
    try:
        sensors = psutil.sensors_temperatures()
    except OSError:
        return None
    processor = {name: entries for name, entries in sensors.items() if name in PROCESSOR_SENSORS} or sensors
    return max((entry.current for entries in processor.values() for entry in entries if entry.current), default=None)


def _throttle_count(processors: Path) -> int | None:
    """Return how often the processors were throttled for heat; psutil does not read these counters."""
    texts = [_text(path) for path in processors.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    counts = [int(text) for text in texts if text is not None and text.isdecimal()]
    return sum(counts) if counts else None


def _throttled() -> int | None:
    """Return what a Raspberry Pi's firmware says of its supply and heat; None elsewhere."""
    if shutil.which(VCGENCMD[0]) is None:
        return None
    try:
        done = subprocess.run(VCGENCMD, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    bits = re.fullmatch(r"throttled=0x([0-9a-fA-F]+)", done.stdout.strip())
    return int(bits[1], 16) if bits else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # also of files that are there, but cannot be read just now
        return None
