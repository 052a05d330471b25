"""Which windows an epoch sees where they may begin anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from train.config import Recipe
from train.crops import EpochWindows, training_front_end
from train.data import Part

SPEC = PRESETS["log-mel"]


def part_of(windows: list[int]) -> Part:
    clips = np.repeat(np.arange(len(windows)), windows)
    names = tuple(map(str, range(len(windows))))
    return Part(names, np.zeros((len(clips), 1)), np.zeros(len(windows), np.int32), clips, names)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.sampled_from([0.25, 1.0, 2.0, 5.0]), st.integers(0, 9))
def test_every_clip_has_its_share_without_repetition(windows: list[int], crops: float, epoch: int) -> None:
    part = part_of(windows)
    seen = EpochWindows.of(3, Recipe(crops=crops), part, SPEC)
    order = seen.order(epoch)
    assert len(order) == len(set(order)) == seen.count
    expected = [max(1, round(count * crops / SPEC.window_seconds)) for count in windows]
    np.testing.assert_array_equal(np.bincount(part.clips[order], minlength=len(windows)), expected)
    np.testing.assert_array_equal(order, seen.order(epoch))


def test_epochs_and_seeds_see_others_and_all_windows_come_in_turn() -> None:
    part = part_of([26] * 4)
    first, second = (EpochWindows.of(seed, Recipe(crops=1.0), part, SPEC) for seed in (0, 1))
    assert len({tuple(sorted(each.order(epoch))) for each in (first, second) for epoch in range(3)}) == 6
    seen = np.bincount(np.concatenate([first.order(epoch) for epoch in range(100)]), minlength=104)
    assert seen.min() > 5 and seen.max() < 40  # 20 times on average


def test_an_order_is_no_order_of_clips() -> None:
    clips = part_of([26] * 40).clips[EpochWindows.of(0, Recipe(crops=1.0), part_of([26] * 40), SPEC).order(0)]
    assert 0.3 < np.mean(np.diff(clips) > 0) < 0.7


def test_without_crops_an_epoch_is_a_permutation_of_all() -> None:
    seen = EpochWindows.of(5, Recipe(), part_of([3, 1, 2]), SPEC)
    np.testing.assert_array_equal(seen.order(2), np.random.default_rng((5, 2)).permutation(6))


def test_the_training_part_has_windows_at_more_places() -> None:
    assert training_front_end(Recipe(), SPEC) is SPEC
    assert training_front_end(Recipe(crops=0.5), SPEC).hop_seconds == 0.5
    with pytest.raises(UsageError, match="--crops 6: it must be from a frame's hop, 0.016 s, to a window, 5 s"):
        training_front_end(Recipe(crops=6.0), SPEC)
