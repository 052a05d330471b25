"""Small libraries of sounds, rows, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from runtime.catalogue.open_store import existing_store
from runtime.catalogue.row import Origin, Row, Settings
from runtime.timeline.events import Event

LABELS = ("blues", 'a "b", c', "jazz\n")
ORIGIN = Origin.of("0" * 64, "net-float32", Settings(), LABELS)
STORES = ("results.parquet", "results.csv", "results.sqlite")


def tone(path: Path, pitch: float = 440.0, seconds: float = 0.5) -> Path:
    """Write a tone to a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.4 * np.sin(2 * np.pi * pitch * np.arange(round(8_000 * seconds)) / 8_000)
    soundfile.write(path, samples.astype(np.float32), 8_000)
    return path


def row(file: str, **values: Any) -> Row:
    """Return a row with all its values, or those that are given."""
    defaults: dict[str, Any] = {
        "size": 12_345,
        "mtime": 1_700_000_000_123_456_789,
        "digest": "f" * 64,
        "duration": 30.013333,
        "label": "jazz\n",
        "labels": ("jazz\n",),
        "confidence": 0.5,
        "probabilities": dict(zip(LABELS, (0.25, 0.25, 0.5), strict=True)),
        "events": (Event(0.0, 1.5, "blues", 0.75),),
        "warnings": ('a "doubt", with a\nline break',),
        "model": ORIGIN.model,
        "settings": ORIGIN.settings,
    }
    return Row(file, **{**defaults, **values})


def bad(file: str, **values: Any) -> Row:
    """Return the row of a file that failed."""
    return Row(file, 5, 7, model=ORIGIN.model, settings=ORIGIN.settings, error="is no sound, \u00fc\n", **values)


def rows_of(path: Path) -> dict[str, Row]:
    """Return the rows of a store by file; fail where a file has two."""
    rows = list(existing_store(str(path)).rows())
    by_file = {row.file: row for row in rows}
    assert len(by_file) == len(rows)
    return by_file


def command(*words: str | Path, cwd: Path | None = None) -> list[str]:
    """Return the command line of a catalogue."""
    return [sys.executable, "-m", "runtime", "catalogue", *map(str, words)]


def environment() -> dict[str, str]:
    """Return an environment in which a process imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}


def run(*words: str | Path, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a catalogue in a process of its own."""
    return subprocess.run(
        command(*words), env=environment(), cwd=cwd, capture_output=True, text=True, timeout=300, **options
    )
