"""A picture of a sound: its spectrogram, and its events above it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from runtime.timeline.formats import Timeline
from runtime.timeline.spectrogram import Spectrogram
from toolkit.errors import UsageError
from toolkit.files import atomic_path
from toolkit.frontend.mel import band_centres

RANGE_DB = 80.0
MOST_LABELS = 15
_HERTZ = (50, 250, 500, 1000, 2000, 4000, 8000, 16_000)


def matplotlib_figure() -> Any:
    """Return matplotlib's class of figures; raise `UsageError` where it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("--plot needs matplotlib: run `pip install matplotlib`") from None
    return Figure


def plot(timeline: Timeline, spectrogram: Spectrogram, path: Path) -> None:
    """Write a timeline's picture as PNG, atomically; raise `OSError` where it cannot be written."""
    labels = _longest(timeline)
    rows = max(1, len(labels))
    height = 0.3 * rows + 3.6
    figure = matplotlib_figure()(figsize=(11, height), dpi=100, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[0.3 * rows, 2.8])
    _show_events(above, timeline, labels)
    _show_sound(below, timeline, spectrogram)
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a label may have letters that the font lacks
        figure.savefig(temporary, format="png")


def _longest(timeline: Timeline) -> list[str]:
    """Return the labels that sound longest, by their first event; there is no room for more."""
    seconds: dict[str, float] = {}
    for event in timeline.events:
        seconds[event.label] = seconds.get(event.label, 0.0) + event.end - event.start
    kept = sorted(seconds, key=lambda label: -seconds[label])[:MOST_LABELS]
    return [label for label in seconds if label in kept]


def _show_events(axes: Any, timeline: Timeline, labels: list[str]) -> None:
    for row, label in enumerate(labels):
        events = [event for event in timeline.events if event.label == label]
        bars = [(event.start, event.end - event.start) for event in events]
        shades = [(0.13, 0.35, 0.62, 0.25 + 0.75 * event.score) for event in events]
        axes.broken_barh(bars, (row - 0.4, 0.8), facecolors=shades, edgecolors="white", linewidth=0.5)
    axes.set_yticks(range(len(labels)), [label[:40] for label in labels], parse_math=False)
    axes.set_ylim(max(1, len(labels)) - 0.5, -0.5)
    hidden = len({event.label for event in timeline.events}) - len(labels)
    more = f"; {hidden} more labels sound for less time" if hidden else ""
    axes.set_title(f"{Path(timeline.name).name}: {timeline.model}{more}", fontsize=10, loc="left", parse_math=False)
    axes.tick_params(labelbottom=False)


def _show_sound(axes: Any, timeline: Timeline, spectrogram: Spectrogram) -> None:
    spec, power = spectrogram.spec, spectrogram.power()
    level = 10 * np.log10(np.maximum(power, 1e-30) / max(1e-30, float(power.max(initial=0.0))))
    half = (spec.n_fft - spec.hop_length) / 2 / spec.sample_rate  # a frame's centre comes after its beginning
    extent = (half, half + len(power) * spectrogram.column_seconds, -0.5, spec.n_mels - 0.5)
    axes.imshow(level.T, cmap="magma", vmin=-RANGE_DB, vmax=0, origin="lower", aspect="auto", extent=extent)
    centres = band_centres(spec)
    ticks = [hertz for hertz in _HERTZ if centres[0] <= hertz <= centres[-1]]
    axes.set_yticks(np.interp(ticks, centres, np.arange(spec.n_mels)), [str(hertz) for hertz in ticks])
    axes.set_xlim(0, timeline.seconds)
    axes.set_ylabel("Hz")
    axes.set_xlabel("seconds")
