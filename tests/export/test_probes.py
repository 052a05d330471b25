"""Synthetic sounds and pictures are what they are called, and the same every time."""

from __future__ import annotations

import numpy as np

from export.probes import probe_pictures, synthetic_sounds
from toolkit.frontend.spec import PICTURE


def test_sounds_are_what_they_are_called_and_repeat() -> None:
    sounds, again = synthetic_sounds(PICTURE, 3, 440.0), synthetic_sounds(PICTURE, 3, 440.0)
    assert not sounds["silence"].any()
    assert np.abs(sounds["quiet noise"]).max() < 4e-3 < 0.9 < np.abs(sounds["loud noise"]).max() <= 1
    assert (sounds["a padded clip"] == 0).mean() > 0.8
    assert (np.abs(sounds["a clipped tone"]) == 1).mean() > 0.9
    for name in ("a tone", "a clipped tone"):
        assert np.abs(np.fft.rfft(sounds[name])).argmax() == 440 * 30
    assert all(len(sound) == 661500 and sound.dtype == np.float32 for sound in sounds.values())
    assert all(np.array_equal(sounds[name], again[name]) for name in sounds)


def test_probes_all_differ_and_repeat() -> None:
    pictures, again = probe_pictures(PICTURE), probe_pictures(PICTURE)
    assert len({picture.tobytes() for picture in pictures.values()}) == len(pictures)
    assert all(picture.shape == (288, 432, 3) and picture.dtype == np.uint8 for picture in pictures.values())
    assert all(np.array_equal(pictures[name], again[name]) for name in pictures)
    assert {"silence", "a tone", "a clipped tone", "a padded clip", "pixels of 0"} <= set(pictures)
