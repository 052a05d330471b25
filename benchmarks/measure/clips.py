"""What latency is measured on: real pictures and a real clip where there are any, else synthetic ones, never zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from toolkit.audio.decode import load
from toolkit.data import synthetic
from toolkit.data.dataset import SUFFIXES
from toolkit.data.folder_tree import GTZAN_FOLDERS
from toolkit.frontend.picture import render
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows

QUERIES = 32
SYNTHETIC = "a synthetic clip of 30 s"


def some_pictures(pictures: NDArray[np.uint8] | None) -> NDArray[np.float32]:
    """Return up to 32 pictures, evenly spread over `pictures` (n, 288, 432, 3), as float32 network input.

    Without pictures, those of synthetic clips, one of every kind.
    """
    if pictures is None:
        pictures = np.stack([render(synthetic.clip(label, 0)) for label in synthetic.CLASSES])
    chosen = np.unique(np.linspace(0, len(pictures) - 1, QUERIES).round().astype(int))
    return pictures[chosen].astype(np.float32)


def audio_files(data: Path) -> list[Path]:
    """Return the audio files in a dataset's class folders, sorted."""
    is_gtzan = any((data / name).is_dir() for name in GTZAN_FOLDERS.values())
    tree = data / GTZAN_FOLDERS["audio"] if is_gtzan else data
    return [path for path in sorted(tree.glob("*/*")) if path.suffix.lower() in SUFFIXES["audio"]]


def find_clip(data: Path | None) -> Path | None:
    """Return a dataset's first audio file, or None where it has none."""
    return next(iter(audio_files(data) if data else ()), None)


def clip_in(folder: Path, clip: Path | None) -> Path:
    """Return `clip`, or a synthetic one of 30 s (mono, 22,050 Hz, 16 bits) that is written to `folder`."""
    if clip is None:
        clip = folder / "synthetic.wav"
        soundfile.write(clip, synthetic.clip(synthetic.CLASSES[0], 0), PICTURE.sample_rate, subtype="PCM_16")
    return clip


def window(clip: Path, spec: FrontEnd) -> NDArray[np.float32]:
    """Return the first window of an audio file, float32 (n,), as a model with this front end hears it."""
    return split_windows(load(clip, spec.sample_rate), spec)[0]
