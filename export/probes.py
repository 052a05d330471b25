"""Synthetic sounds and network inputs: what a device meets and a music collection does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.features import features
from toolkit.frontend.spec import FrontEnd

PROBE_SEED, PROBE_HERTZ = 1, 1000.0
RANDOM_PROBES = 4


def synthetic_sounds(spec: FrontEnd, seed: int, hertz: float) -> dict[str, NDArray[np.float32]]:
    """Return sounds of one window by name, float32 at the front end's rate.

    Silence, noise near the floor and at full scale, a tone, one that is overdriven, and a clip that is mostly padding.
    """
    length = spec.window_samples
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


def probe_inputs(spec: FrontEnd) -> dict[str, NDArray[Any]]:
    """Return inputs of a network by name that no dataset has, each of shape `spec.shape`.

    They are of synthetic sounds, of random values, and of one value. Pictures and cells are uint8, grids float32, with
    random values between the least and the largest of the synthetic sounds.
    """
    rng = np.random.default_rng(PROBE_SEED)
    sounds = synthetic_sounds(spec, PROBE_SEED, PROBE_HERTZ)
    inputs: dict[str, NDArray[Any]] = {name: features(sound, spec) for name, sound in sounds.items()}
    if spec.layout == "grid":
        low, high = min(map(np.min, inputs.values())), max(map(np.max, inputs.values()))
        for number in range(RANDOM_PROBES):
            inputs[f"random values {number + 1}"] = rng.uniform(low, high, spec.shape).astype(np.float32)
        for value in (low, (low + high) / 2, high):
            inputs[f"values of {value:.3g}"] = np.full(spec.shape, value, np.float32)
        return inputs
    probes: dict[str, NDArray[Any]] = {name: value.astype(np.uint8) for name, value in inputs.items()}
    for number in range(RANDOM_PROBES):
        probes[f"random pixels {number + 1}"] = rng.integers(0, 256, spec.shape, dtype=np.uint8)
    for level in (0, 127, 255):
        probes[f"pixels of {level}"] = np.full(spec.shape, level, np.uint8)
    return probes
