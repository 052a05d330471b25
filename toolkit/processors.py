"""How many processors this process may use."""

from __future__ import annotations

import os


def usable_processors() -> int:
    """Return the number of processors this process may run on, at least 1: a container or `taskset` may leave few."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
