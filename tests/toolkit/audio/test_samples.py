"""Samples in memory: one channel, another rate, and what is no sound."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.audio.samples import mono, to_mono_at, valid_samples
from toolkit.errors import AudioError, UsageError
from toolkit.frontend.spec import PICTURE

RATE = PICTURE.sample_rate


@given(st.sampled_from((8000, 11_025, 16_000, 32_000, 44_100, 48_000, 96_000)), st.floats(100, 3500))
@settings(max_examples=30, deadline=None)
def test_resampling_keeps_a_tone_and_its_length(rate: int, hertz: float) -> None:
    time = np.arange(rate) / rate
    samples = to_mono_at((0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate, RATE)
    assert abs(len(samples) - RATE) <= 1
    expected = 0.5 * np.sin(2 * np.pi * hertz * np.arange(len(samples)) / RATE)
    assert np.abs(samples - expected)[500:-500].max() < 1e-3


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    """A tone above half the new rate must vanish, not fold back."""
    time = np.arange(96_000) / 96_000
    samples = to_mono_at(np.sin(2 * np.pi * 20_000 * time).astype(np.float32), 96_000, RATE)
    assert np.abs(samples[500:-500]).max() < 1e-4


@pytest.mark.parametrize("rate", [0, -RATE, 22_050.5, np.nan, np.inf, True, "22050", None])
def test_a_rate_that_is_no_whole_number_is_misuse(rate: Any) -> None:
    samples = np.zeros(1000, dtype=np.float32)
    for rates in ((rate, RATE), (RATE, rate)):
        with pytest.raises(UsageError, match="whole number above 0"):
            to_mono_at(samples, *rates)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e7])
def test_values_that_are_no_sound_are_refused(value: float) -> None:
    samples = np.zeros(1000)
    samples[700] = value
    for read in (valid_samples, lambda sound: to_mono_at(sound, 44_100, RATE)):
        with pytest.raises(AudioError, match="NaN|magnitude"):
            read(samples)


def test_samples_of_a_wrong_shape_or_rate_are_refused() -> None:
    with pytest.raises(AudioError, match="shape"):
        to_mono_at(np.zeros((2, 2, 2), dtype=np.float32), RATE, RATE)
    with pytest.raises(AudioError, match="900 Hz"):
        to_mono_at(np.zeros(10, dtype=np.float32), 900, RATE)
    with pytest.raises(AudioError, match=r"shape \(2, 66150\).*samples come first, channels second; transpose it"):
        to_mono_at(np.zeros((2, 66_150), dtype=np.float32), RATE, RATE)
    with pytest.raises(AudioError, match="too short"):
        to_mono_at(np.zeros(1, dtype=np.float32), 768_000, 1000)
    with pytest.raises(AudioError, match="int16"):
        to_mono_at(np.zeros((10, 2), dtype=np.int16), RATE, RATE)
    with pytest.raises(AudioError):
        to_mono_at(np.zeros((10, 0), dtype=np.float32), RATE, RATE)
    assert valid_samples(np.zeros(3)).dtype == np.float32


def test_channels_that_are_too_large_to_add_up_are_refused_without_a_warning() -> None:
    loud = np.full((4, 2), np.finfo(np.float32).max, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(mono(loud)).all()
        with pytest.raises(AudioError, match="infinity"):
            valid_samples(mono(loud))
