"""The front end's peers: each computes what the front end does, so that their times can stand beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.measure import frontend
from toolkit.data import synthetic
from toolkit.errors import UsageError
from toolkit.frontend.picture import paint, render
from toolkit.frontend.spectrogram import db_mel


def test_blocks_of_frames_equal_all_frames_at_once() -> None:
    sound = synthetic.clip(synthetic.CLASSES[0], 0)
    blocks, whole = frontend.numpy_decibels(sound), frontend.numpy_decibels(sound, block=len(sound))
    np.testing.assert_allclose(blocks, whole, rtol=0, atol=1e-4)  # BLAS may add up in another order
    np.testing.assert_allclose(blocks, db_mel(sound), rtol=0, atol=0.01)
    assert (paint(blocks) == render(sound)).mean() > 0.999


def test_librosas_way_equals_its_own_call() -> None:
    librosa = pytest.importorskip("librosa")
    sound = synthetic.clip(synthetic.CLASSES[1], 0, seconds=5)
    to_decibels = frontend._librosa_decibels()
    assert to_decibels is not None
    power = librosa.feature.melspectrogram(y=sound, sr=22_050, pad_mode="reflect")
    np.testing.assert_allclose(to_decibels(sound), librosa.amplitude_to_db(power, ref=np.max), rtol=0, atol=1e-4)


def test_every_way_is_named_and_timed() -> None:
    rows = frontend.measure_speed([synthetic.clip(synthetic.CLASSES[0], 0, seconds=1)], repeats=2)
    assert [row.name for row in rows][:2] == ["gtzanet-edge", "numpy rfft, 64 frames at once"]
    assert all(row.median_ms > 0 and row.repeats == 2 for row in rows)


def test_nothing_to_time_is_misuse() -> None:
    with pytest.raises(UsageError, match="at least one clip"):
        frontend.measure_speed([])
