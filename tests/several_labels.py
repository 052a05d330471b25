"""A list of mixtures: every clip is of one or two of three kinds of synthetic sound, and so are its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from toolkit.data.synthetic import clip

CLASSES = ("arpeggio", "bass-drone", "bells")
CHOICES = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
TRAINING = (
    *("edgenet", "--multi-label", "--window", "2", "--split", "held-out", "--recipe", "modern", "--augment", "none"),
    *("--batch-size", "8", "--threads", "2", "--device", "cpu"),
)


def write_listing(root: Path, clips: int, *, seconds: float = 2.0) -> Path:
    """Write so many clips of `seconds` and their list below `root`, and return the list."""
    root.mkdir(parents=True)
    lines = ["file,label"]
    for number in range(clips):
        names = [CLASSES[at] for at in CHOICES[number % len(CHOICES)]]
        samples = np.mean([clip(name, number, seconds=seconds, rate=16_000) for name in names], axis=0)
        soundfile.write(root / f"{number:03}.wav", samples, 16_000)
        lines.append(f"{number:03}.wav,{'; '.join(names)}")
    path = root / "list.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
