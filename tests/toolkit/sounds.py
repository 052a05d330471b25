"""Sounds made by the computer, for tests: float32, 22,050 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 22_050
Sound = NDArray[np.float32]


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def tone(hertz: float, seconds: float = 3.0, level: float = 0.5) -> Sound:
    """Return a sine."""
    return (level * np.sin(2 * np.pi * hertz * _time(seconds))).astype(np.float32)


def chirp(low: float, high: float, seconds: float = 3.0) -> Sound:
    """Return a sine whose frequency goes from `low` to `high` hertz."""
    time = _time(seconds)
    return np.sin(2 * np.pi * (low * time + (high - low) * time**2 / (2 * seconds))).astype(np.float32)


def noise(seed: int, seconds: float = 3.0, level: float = 0.1) -> Sound:
    """Return white Gaussian noise."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def impulse(second: float, seconds: float = 3.0) -> Sound:
    """Return silence with one sample of 1."""
    sound = np.zeros(round(seconds * RATE), dtype=np.float32)
    sound[round(second * RATE)] = 1
    return sound


def melody(seconds: float = 30.0) -> Sound:
    """Return decaying harmonic notes, two a second, one voice louder than the other."""
    time = _time(seconds)
    step = np.floor(time * 2)
    pitch = 220 * 2 ** ((step * 7 % 12) / 12)
    sound = sum(np.sin(2 * np.pi * pitch * part * time) / part for part in (1, 2, 3, 5, 8))
    return (0.2 * sound * np.exp(-4 * (time * 2 - step))).astype(np.float32)


def music(seed: int, seconds: float = 30.0) -> Sound:
    """Return a melody over noise bursts whose loudness wanders: many frames may hold the maximum."""
    rng = np.random.default_rng(seed)
    sound = melody(seconds) + noise(seed, seconds, 0.05)
    steps = np.repeat(rng.uniform(0.1, 1, round(seconds * 8)), RATE // 8 + 1)[: len(sound)]
    return (sound * steps).astype(np.float32)


SOUNDS: dict[str, Sound] = {
    "tone 100": tone(100),
    "tone 440": tone(440),
    "tone 4321": tone(4321),
    "tone 11000": tone(11_000),
    "noise": noise(0),
    "quiet noise": noise(1, level=1e-4),
    "inaudible noise": noise(2, level=1e-9),
    "tone in noise": tone(440) + noise(3, level=1e-3),
    "chirp up": chirp(20, 11_000),
    "chirp down": chirp(11_000, 30),
    "silence": np.zeros(3 * RATE, dtype=np.float32),
    "constant": np.full(3 * RATE, 0.3, dtype=np.float32),
    "impulse": impulse(1.5),
    "first sample": impulse(0),
    "last sample": impulse(3 - 1 / RATE),
    "half silent": np.concatenate([np.zeros(RATE, dtype=np.float32), noise(4, 2.0)]),
    "melody": melody(6),
    "one frame": noise(5, 1500 / RATE),
    "five samples": noise(6, 5 / RATE),
    "one sample": noise(7, 1 / RATE),
    "loud": 30_000 * melody(4),
}

GOLDEN: dict[str, Sound] = {"chirp": chirp(20, 11_000, 30), "melody": melody(), "impulse": impulse(15, 30)}
"""The sounds whose pictures librosa and matplotlib drew, kept in the folder `golden`."""
