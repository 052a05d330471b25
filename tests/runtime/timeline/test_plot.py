"""The picture: the sound's mel power in few columns, however long it is, and the events above it."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.cli import entry
from runtime.default_model import PRETRAINED
from runtime.timeline import spectrogram
from runtime.timeline.events import Event
from runtime.timeline.formats import Timeline
from runtime.timeline.plot import MOST_LABELS, plot
from runtime.timeline.spectrogram import Spectrogram
from toolkit.frontend.mel import band_centres
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spectrogram import MelFrames

SPEC = PRESETS["log-mel"]


def pooled(samples: Any, cuts: list[int], spec: Any = SPEC) -> Spectrogram:
    looked_at = Spectrogram(spec)
    pieces = list(looked_at.over(np.split(samples, sorted(cuts))))
    np.testing.assert_array_equal(np.concatenate(pieces), samples)
    return looked_at


@given(st.integers(1, 200_000), st.lists(st.integers(0, 200_000), max_size=5))
@settings(max_examples=20, deadline=None)
def test_columns_are_means_of_frames(count: int, cuts: list[int]) -> None:
    most, spectrogram.COLUMNS = spectrogram.COLUMNS, 64
    try:
        samples = np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)
        looked_at = pooled(samples, cuts)
    finally:
        spectrogram.COLUMNS = most
    frames = -(-count // SPEC.hop_length)
    whole = np.pad(samples, (0, SPEC.n_fft + frames * SPEC.hop_length - count))
    power = MelFrames.inside(whole, SPEC).power()[:frames].astype(float)
    width = round(looked_at.column_seconds * SPEC.sample_rate / SPEC.hop_length)
    expected = [power[at : at + width].mean(axis=0) for at in range(0, frames, width)]
    assert len(expected) <= 64 and (len(expected) >= 32 or width == 1)
    np.testing.assert_allclose(looked_at.power(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_a_tone_is_in_its_band_and_its_time(name: str) -> None:
    spec = replace(PRESETS[name], pre_emphasis=0.0)
    seconds = np.arange(4 * spec.sample_rate) / spec.sample_rate
    tone = np.where((seconds >= 1) & (seconds < 2), np.sin(2 * np.pi * 1000 * seconds), 0).astype(np.float32)
    looked_at = pooled(tone, [], PRESETS[name])
    power = looked_at.power()
    band = int(power.sum(axis=0).argmax())
    assert abs(band_centres(spec)[band] - 1000) < 60
    loud = np.flatnonzero(power[:, band] > power[:, band].max() / 10) * looked_at.column_seconds
    assert abs(loud[0] - 1) < 0.1 and abs(loud[-1] + looked_at.column_seconds - 2) < 0.1


def test_the_memory_is_that_of_the_columns() -> None:
    looked_at, minute = Spectrogram(SPEC), np.full(60 * SPEC.sample_rate, 0.1, np.float32)
    list(looked_at.over([minute] * 2))
    tracemalloc.start()
    list(looked_at.over([minute] * 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * minute.nbytes and len(looked_at.power()) <= spectrogram.COLUMNS


def test_matplotlib_shows_events_above_the_sound(tmp_path: Path) -> None:
    """A row of bars for each label, whose widths are the events'."""
    from matplotlib.image import imread

    events = (Event(0, 25, "$a_b$ \u9ce5\t", 1.0), Event(25, 50, "dog", 1.0), Event(0, 25, "frog", 1.0))
    looked_at = pooled(np.random.default_rng(0).normal(0, 0.1, 100 * SPEC.sample_rate).astype(np.float32), [])
    plot(Timeline("in/a.wav", 100.0, events, "tiny"), looked_at, tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")[:, :, :3]
    bars: Any = (np.abs(pixels - (0.13, 0.35, 0.62)) < 0.01).all(axis=2)
    sides = [(np.flatnonzero(row)[0], np.flatnonzero(row)[-1]) for row in bars if row.sum() > 5]
    rows = [side for before, side in zip([(0, 0), *sides], sides, strict=False) if abs(side[0] - before[0]) > 2]
    (first, last), (second, end), third = rows
    assert abs(second - last) < 4 and abs((end - second) - (last - first)) < 4 and abs(third[0] - first) < 4
    assert 0.2 < (last - first) / pixels.shape[1] < 0.25, "a quarter of the axes' width"
    few = Timeline("a.wav", 100.0, (), "tiny")
    plot(few, looked_at, tmp_path / "none.png")
    many = tuple(Event(at, at + 1, f"label {at}", 0.5) for at in range(MOST_LABELS + 3))
    plot(Timeline("a.wav", 100.0, many, "tiny"), looked_at, tmp_path / "many.png")
    assert (tmp_path / "none.png").stat().st_size > 1000 and (tmp_path / "many.png").stat().st_size > 1000


def test_the_command_plots_with_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    import soundfile

    sound, picture = tmp_path / "a.wav", tmp_path / "a.png"
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.1, 44_100), 22_050)
    words = [str(sound), "--timeline", "--window", "1", "--model", str(PRETRAINED), "--plot"]
    assert entry([*words, str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG") and "1 event in" in capfd.readouterr().out
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert entry([*words, str(tmp_path / "b.png")]) == 2
    assert "--plot needs matplotlib: run `pip install matplotlib`" in capfd.readouterr().err
