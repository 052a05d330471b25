"""What a measurement was taken under: how busy, how hot and how fast the machine was, before and after."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

BUSY_SHARE = 0.1
"""The share of all processors that others may use, or take away, before a figure is called doubtful."""
HOT_CELSIUS = 80.0
"""Where a Raspberry Pi begins to slow down."""
VCGENCMD = ("vcgencmd", "get_throttled")
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
    """Return what the machine tells now; `root` is where /proc and /sys are."""
    busy, stolen = _processor_seconds(root / "proc/stat")
    times = os.times()
    processors = root / "sys/devices/system/cpu"
    kilohertz = [_number(path) for path in processors.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")]
    millicelsius = [_number(path) for path in (root / "sys/class/thermal").glob("thermal_zone*/temp")]
    counts = [_number(path) for path in processors.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    fastest, hottest = max(filter(None, kilohertz), default=None), max(filter(None, millicelsius), default=None)
    known = [count for count in counts if count is not None]
    return Conditions(
        clock=time.monotonic(),
        busy_seconds=busy,
        stolen_seconds=stolen,
        own_seconds=times.user + times.system + times.children_user + times.children_system,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        governor=_text(processors / "cpu0/cpufreq/scaling_governor"),
        megahertz=fastest / 1e3 if fastest else _megahertz(root / "proc/cpuinfo"),
        celsius=hottest / 1e3 if hottest else None,
        throttled=_throttled(),
        throttle_count=int(sum(known)) if known else None,
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
    found = []
    whole = max(after.clock - before.clock, 1e-9) * processors
    if before.busy_seconds is not None and after.busy_seconds is not None:
        own = after.own_seconds - before.own_seconds
        others = (after.busy_seconds - before.busy_seconds - own) / whole
        if others > BUSY_SHARE:
            found.append(f"other programs used {others:.0%} of the processors meanwhile")
    if before.stolen_seconds is not None and after.stolen_seconds is not None:
        stolen = (after.stolen_seconds - before.stolen_seconds) / whole
        if stolen > BUSY_SHARE:
            found.append(f"the hypervisor gave {stolen:.0%} of the processors' time to other machines")
    now = (after.throttled or 0) | (before.throttled or 0)
    found += [told for bit, told in THROTTLED.items() if now >> bit & 1]
    since = (after.throttled or 0) & ~(before.throttled or 0)
    found += [f"{told}, at times" for bit, told in THROTTLED.items() if since >> (bit + 16) & 1 and not now >> bit & 1]
    if before.throttle_count is not None and (after.throttle_count or 0) > before.throttle_count:
        found.append("the processor was throttled for heat")
    if after.celsius is not None and after.celsius >= HOT_CELSIUS:
        found.append(f"the processor was {after.celsius:.0f} degrees Celsius hot at the end")
    if after.governor == "powersave":
        found.append('the frequency governor is "powersave": set "performance"')
    return found


def described(before: Conditions, after: Conditions) -> dict[str, str]:
    """Return what is known of both times as texts by name, "before, after"."""
    found = {}
    for name, unit, digits in (("load", "", 2), ("megahertz", " MHz", 0), ("celsius", " C", 0)):
        first, last = getattr(before, name), getattr(after, name)
        if first is not None and last is not None:
            found[name] = f"{first:.{digits}f}{unit}, {last:.{digits}f}{unit} after"
    if after.governor is not None:
        found["governor"] = after.governor
    if after.throttled is not None:
        found["throttled"] = hex(after.throttled)
    return found


def _processor_seconds(path: Path) -> tuple[float | None, float | None]:
    """Return the seconds that processors have worked, and those that were stolen, as /proc/stat's first line says."""
    found = re.match(r"cpu\s+([\d ]+)", _text(path) or "")
    ticks = [int(word) for word in found[1].split()] if found else []
    if len(ticks) < 8:
        return None, None
    user, nice, system, _, _, interrupts, soft, stolen = ticks[:8]
    second = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupts + soft) / second, stolen / second


def _megahertz(path: Path) -> float | None:
    found = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", _text(path) or "", re.M)
    return max(map(float, found), default=None)


def _throttled() -> int | None:
    """Return what a Raspberry Pi's firmware says of its supply and heat; None elsewhere."""
    if shutil.which(VCGENCMD[0]) is None:
        return None
    try:
        done = subprocess.run(VCGENCMD, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.fullmatch(r"throttled=0x([0-9a-fA-F]+)", done.stdout.strip())
    return int(found[1], 16) if found else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:  # also of files that are there, but cannot be read just now
        return None


def _number(path: Path) -> float | None:
    text = _text(path)
    return float(text) if text is not None and re.fullmatch(r"-?\d+", text) else None
