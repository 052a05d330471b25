"""Channels to one: their mean, and one of them where the mean cancels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from tests.runtime.stream.test_events import cuts, listened, results
from tests.runtime.stream.test_sliding_window import music
from toolkit.audio.downmix import downmix, downmixed


def columns(*channels: Any) -> Any:
    return np.stack(channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("gain", [1.0, 0.95, 1.05])
@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_channels_in_antiphase_are_heard(gain: float, offset: float) -> None:
    sound = music(2)
    single, cancelled = downmix(columns(sound + offset, offset - gain * sound))
    assert cancelled
    np.testing.assert_array_equal(single, (sound + offset).astype(np.float32))


def test_the_loudest_of_three_that_cancel_is_heard() -> None:
    sound = music(1)
    single, cancelled = downmix(columns(sound / 2, sound / 2, -sound))
    assert cancelled
    np.testing.assert_array_equal(single, -sound)


@pytest.mark.parametrize(
    "channels",
    [(1, 1), (1, 0), (1, -0.8), (0, 0), (1,), (1, 0.5, -1)],
    ids=["same", "one side", "nearly", "silence", "mono", "three"],
)
def test_other_sound_is_the_mean(channels: tuple[float, ...]) -> None:
    sound = columns(*(gain * music(1) for gain in channels))
    single, cancelled = downmix(sound)
    assert not cancelled
    np.testing.assert_array_equal(single, sound[:, 0] if len(channels) == 1 else sound.mean(axis=1))


def test_wide_stereo_is_the_mean() -> None:
    rng = np.random.default_rng(0)
    left = rng.normal(0, 0.1, 22_050)
    right = -0.9 * left + np.sqrt(1 - 0.81) * rng.normal(0, 0.1, 22_050)
    assert not downmix(columns(left, right))[1]


def test_an_offset_does_not_count_as_sound() -> None:
    quiet = 0.01 * music(1) + 0.3
    assert not downmix(columns(quiet, quiet))[1]


@given(cuts)
@hypothesis_settings(max_examples=10, deadline=None)
def test_a_cut_stream_in_antiphase_gives_exactly_what_one_channel_gives(cuts: list[int]) -> None:
    sound = music(5)
    messages: list[str] = []
    stereo = listened(columns(sound, -sound), cuts, report=messages.append)
    assert results(stereo) == results(listened(sound[:, None]))
    assert len(messages) == 1 and "antiphase" in messages[0]


def test_only_the_part_that_cancels_is_one_channel() -> None:
    sound, other = music(2), music(2, 1)
    wide, antiphase = columns(sound, other), columns(sound, -sound)
    single: list[Any] = list(downmixed(iter([wide, antiphase[:30_000], None, wide[:30_000]]), 22_050, print))
    (gap,) = [number for number, block in enumerate(single) if block is None]
    before, after = (np.concatenate(part) for part in (single[:gap], single[gap + 1 :]))
    np.testing.assert_array_equal(before, np.concatenate([wide.mean(axis=1), sound[:30_000]]))
    np.testing.assert_array_equal(after, wide[:30_000].mean(axis=1))


def test_the_quick_look_decides_as_variances_do() -> None:
    rng, cancelled = np.random.default_rng(5), 0
    for _ in range(300):
        wave = rng.normal(size=rng.integers(2, 200))
        sound = columns(*(sign * wave + rng.normal(0, rng.choice([0, 0.03, 0.1]), len(wave)) for sign in (1, -1)))
        sound = np.float32(10.0 ** rng.integers(-9, 6)) * (sound + np.float32(rng.choice([0, 0.3, 50])))
        single, chosen = sound.mean(axis=1, dtype=np.float32), downmix(sound)
        cancels = single.var(dtype=np.float64) < 1e-3 * sound.var(axis=0, dtype=np.float64).max()
        assert chosen[1] == cancels
        np.testing.assert_array_equal(chosen[0], sound[:, 0] if cancels else single)
        cancelled += cancels
    assert 50 < cancelled < 250
