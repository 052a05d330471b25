"""Sounds of any length become windows that cover them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toolkit import sounds
from toolkit.errors import AudioError
from toolkit.frontend.picture import paint, render
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.spec_checks import CHOICES
from toolkit.frontend.spectrogram import db_mel
from toolkit.frontend.windows import fitted, split_windows

WINDOW = PICTURE.window_samples


@pytest.mark.parametrize("count", [660_000, 661_504, 661_794, 676_000, WINDOW - 22_050, WINDOW + 22_050])
def test_about_thirty_seconds_stay_as_they_are(count: int) -> None:
    samples = np.ones(count, dtype=np.float32)
    (window,) = split_windows(samples)
    assert window is samples or np.shares_memory(window, samples)
    assert len(window) == count


@pytest.mark.parametrize(("seconds", "slack"), [(30.0, 22_050), (2.0, 22_050), (1.0, 11_025), (0.5, 5_512)])
def test_a_window_may_be_a_second_longer_or_half_of_it(seconds: float, slack: int) -> None:
    spec = replace(PICTURE, window_seconds=seconds)
    longest = spec.window_samples + slack
    lengths = [[len(window) for window in split_windows(np.ones(n, np.float32), spec)] for n in (longest, longest + 1)]
    assert lengths == [[longest], [spec.window_samples] * 2]


@given(st.integers(WINDOW + 22_051, 12 * WINDOW))
@settings(max_examples=50, deadline=None)
def test_longer_sounds_are_covered_evenly_by_the_fewest_windows(count: int) -> None:
    samples = (np.arange(count) / count).astype(np.float32)
    windows = split_windows(samples)
    assert len(windows) == -(-count // WINDOW)
    assert {len(window) for window in windows} == {WINDOW}
    starts = [int(np.searchsorted(samples, window[0])) for window in windows]
    steps = np.diff(starts)
    assert windows[0][0] == samples[0] and windows[-1][-1] == samples[-1]
    assert (steps > 0).all() and (steps <= WINDOW).all() and steps.max() - steps.min() <= 4


@given(st.integers(1, WINDOW - 22_051))
@settings(max_examples=25, deadline=None)
def test_short_sounds_follow_the_policy(count: int) -> None:
    samples = np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)
    (tiled,), (padded,), (stretched,) = (
        split_windows(samples, replace(PICTURE, short=policy)) for policy in ("tile", "pad", "stretch")
    )
    assert len(tiled) == len(padded) == WINDOW
    positions = np.random.default_rng(0).integers(0, WINDOW, 500)
    np.testing.assert_array_equal(tiled[positions], samples[positions % count])
    np.testing.assert_array_equal(padded[:count], samples)
    assert not padded[count:].any()
    np.testing.assert_array_equal(stretched, samples)


@pytest.mark.parametrize("policy", CHOICES["short"])
@pytest.mark.parametrize("seconds", [0.001, 0.5, 10.0])
def test_a_short_sound_gives_a_picture_by_every_policy(policy: str, seconds: float) -> None:
    spec = replace(PICTURE, short=policy)
    (window,) = split_windows(sounds.noise(0, seconds), spec)
    np.testing.assert_array_equal(render(window, spec), paint(db_mel(window, spec)))


def test_no_sound_has_no_window() -> None:
    with pytest.raises(AudioError, match="no samples"):
        split_windows(np.zeros(0, dtype=np.float32))


@pytest.mark.parametrize("count", [1, 7000, WINDOW, PICTURE.fixed_samples, PICTURE.fixed_samples + 9, 3 * WINDOW])
def test_a_fitted_sound_has_the_one_length(count: int) -> None:
    samples = np.linspace(-1, 1, count, dtype=np.float32)
    tiled, padded = fitted(samples), fitted(samples, replace(PICTURE, short="pad"))
    size = PICTURE.fixed_samples
    assert tiled.shape == padded.shape == (661_504,) and size % PICTURE.hop_length == 0
    np.testing.assert_array_equal(tiled, samples[np.arange(size) % count])
    np.testing.assert_array_equal(padded[:count], samples[:size])
    assert not padded[count:].any()
    assert PICTURE.fixed_frames == 1293
