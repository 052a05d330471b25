"""Synthetic sounds and pictures: inputs of a device that a music collection does not have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.picture import render
from toolkit.frontend.spec import FrontEnd

PROBE_SEED, PROBE_HERTZ = 1, 1000.0
NOISE_PICTURES = 4
FLAT_VALUES = (0, 127, 255)


def synthetic_sounds(spec: FrontEnd, seed: int, hertz: float) -> dict[str, NDArray[np.float32]]:
    """Return sounds of one window by name, float32 at the front end's rate.

    Silence, noise near the floor and at full scale, a tone, one that is overdriven, and a clip that is mostly padding.
    """
    length = int(spec.window_seconds * spec.sample_rate)
    noise = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    tone = np.sin(2 * np.pi * hertz * np.arange(length) / spec.sample_rate).astype(np.float32)
    padded = noise * np.float32(0.3)
    padded[length // 6 :] = 0
    return {
        "silence": np.zeros(length, np.float32),
        "quiet noise": noise * np.float32(3e-3),
        "loud noise": noise,
        "a tone": tone * np.float32(0.5),
        "a clipped tone": np.clip(tone * np.float32(10), -1, 1),
        "a padded clip": padded,
    }


def probe_pictures(spec: FrontEnd) -> dict[str, NDArray[np.uint8]]:
    """Return pictures by name that no dataset has: of synthetic sounds, of random pixels, and of one colour.

    Each is uint8, shape (288, 432, 3).
    """
    rng = np.random.default_rng(PROBE_SEED)
    shape = (spec.height, spec.width, 3)
    pictures = {name: render(sound, spec) for name, sound in synthetic_sounds(spec, PROBE_SEED, PROBE_HERTZ).items()}
    for number in range(NOISE_PICTURES):
        pictures[f"random pixels {number + 1}"] = rng.integers(0, 256, shape, dtype=np.uint8)
    for value in FLAT_VALUES:
        pictures[f"pixels of {value}"] = np.full(shape, value, np.uint8)
    return pictures
