"""What latency is measured on: real pictures and a real clip where there are any, else made-up sound, never zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from toolkit.audio.decode import load
from toolkit.data import synthetic
from toolkit.data.dataset import GTZAN_FOLDERS, SUFFIXES
from toolkit.files import atomic_path
from toolkit.frontend.picture import render
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import split_windows

QUERIES = 32


def some_pictures(pictures: NDArray[np.uint8] | None) -> NDArray[np.float32]:
    """Return up to 32 pictures, evenly spread over `pictures` (n, 288, 432, 3), as float32 network input.

    Without pictures, those of made-up sounds, one of every kind.
    """
    if pictures is None:
        pictures = np.stack([render(synthetic.clip(label, 0)) for label in synthetic.CLASSES])
    chosen = np.unique(np.linspace(0, len(pictures) - 1, QUERIES).round().astype(int))
    return pictures[chosen].astype(np.float32)


def find_clip(data: Path | None) -> Path | None:
    """Return a dataset's first sound file, or None where it has none."""
    if data is None:
        return None
    folder = data / GTZAN_FOLDERS["audio"]
    tree = folder if folder.is_dir() else data
    return next((path for path in sorted(tree.glob("*/*")) if path.suffix.lower() in SUFFIXES["audio"]), None)


def window(clip: Path | None) -> NDArray[np.float32]:
    """Return the first window of a sound file, or of a made-up sound, float32 (n,) at 22,050 Hz."""
    sound = synthetic.clip(synthetic.CLASSES[0], 0) if clip is None else load(clip, PICTURE.sample_rate)
    return split_windows(sound)[0]


def write_clip(path: Path) -> None:
    """Write a made-up clip of 30 s (mono, 22,050 Hz, 16 bits)."""
    with atomic_path(path) as temporary:
        soundfile.write(temporary, synthetic.clip(synthetic.CLASSES[0], 0), PICTURE.sample_rate, subtype="PCM_16")
