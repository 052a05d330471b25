"""Whether one network is better than another, on clips of few recordings."""

from __future__ import annotations

import pytest

from train.backbones.chance import compared, is_better, smallest_p


def test_it_is_mcnemars_test_where_each_clip_is_a_recording() -> None:
    names = [str(number) for number in range(20)]
    new, old = [1] * 16 + [0] * 4, [1] * 8 + [0] * 8 + [0] * 3 + [1]
    above, below, p = compared(new, old, names)
    assert (above, below) == (8, 1) and p == pytest.approx(2 * 10 / 512)
    assert is_better(new, old, names) and not is_better(old, new, names)


def test_takes_of_one_recording_count_once() -> None:
    new, old = [1] * 12, [0] * 12
    assert is_better(new, old, [str(number) for number in range(12)])
    takes = [str(number // 4) for number in range(12)]
    assert compared(new, old, takes)[:2] == (3, 0) and not is_better(new, old, takes)


def test_what_is_right_already_cannot_be_bettered() -> None:
    names = [str(number) for number in range(10)]
    assert smallest_p([1] * 8 + [0] * 2, names) == 0.5
    assert smallest_p([1] * 4 + [0] * 6, names) == pytest.approx(2 / 64)
