"""Counters as Prometheus reads them (its text exposition format, version 0.0.4)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from runtime.serve.live import Live


def metrics(live: Live, streams: int) -> str:
    """Return all metrics."""
    return "".join(f"{line}\n" for line in _lines(live, streams))


def _lines(live: Live, streams: int) -> Iterator[str]:
    counts, now = live.counts, live.now()
    single = {
        ("hops_total", "counter", "Decisions about live sound"): counts.hops,
        ("sound_seconds_total", "counter", "Live sound that was heard"): counts.sound_seconds,
        ("busy_seconds_total", "counter", "Computing time that live sound took"): counts.busy_seconds,
        ("classified_files_total", "counter", "Files that were classified"): counts.classified,
        ("open_streams", "gauge", "Pages that are open"): streams,
        ("listening", "gauge", "Whether sound comes"): int(live.source == "listening"),
        ("level_db", "gauge", "Level of the newest hop"): now.get("level_db"),
        ("confidence", "gauge", "Probability of the label now"): now.get("confidence"),
        ("resident_memory_bytes", "gauge", "Memory of the process"): _resident_bytes(),
    }
    for (name, kind, text), value in single.items():
        if value is not None:
            yield from (*_head(name, kind, text), f"gtzanet_{name} {value:.12g}")
    if counts.answers:
        yield from _head("answers_total", "counter", "Answers of the server by status")
        yield from (f'gtzanet_answers_total{{status="{code}"}} {n}' for code, n in sorted(counts.answers.items()))
    if probabilities := now.get("probabilities"):
        yield from _head("label_probability", "gauge", "Probability of each label now")
        for label, value in probabilities.items():
            yield f'gtzanet_label_probability{{label="{_escaped(label)}"}} {value:.6g}'


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP gtzanet_{name} {text}", f"# TYPE gtzanet_{name} {kind}"


def _escaped(label: str) -> str:
    return re.sub(r'([\\"])', r"\\\1", label).replace("\n", r"\n")


def _resident_bytes() -> int | None:
    """Return the process's resident memory, where the system says it as Linux does."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
