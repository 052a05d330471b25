"""Small trees of pictures and sounds for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image


def pixels(seed: int, size: tuple[int, int] = (288, 432)) -> NDArray[np.uint8]:
    """Return a picture (rows, columns, 3) that differs from seed to seed and packs well."""
    colours = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return np.kron(colours, np.ones((size[0] // 6, size[1] // 9, 1), np.uint8))


def write_picture(path: Path, seed: int, size: tuple[int, int] = (288, 432)) -> Path:
    """Write a PNG file of `size` (rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed, size)).save(path)
    return path


def write_sound(path: Path, seed: int, seconds: float = 0.5, rate: int = 22_050) -> Path:
    """Write a sound file of faint noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.1, 0.1, round(seconds * rate))
    soundfile.write(path, samples, rate)
    return path


def picture_tree(root: Path, classes: tuple[str, ...] = ("hum", "tap"), count: int = 3) -> Path:
    """Write `count` different pictures a class."""
    for place, label in enumerate(classes):
        for number in range(count):
            write_picture(root / label / f"{number:03}.png", 1000 * place + number)
    return root


def sound_tree(root: Path, classes: tuple[str, ...] = ("hum", "tap"), count: int = 2) -> Path:
    """Write `count` different short sounds a class."""
    for place, label in enumerate(classes):
        for number in range(count):
            write_sound(root / label / f"{number:03}.wav", 1000 * place + number)
    return root
