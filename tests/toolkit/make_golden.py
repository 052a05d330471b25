"""Draw the golden pictures with librosa and matplotlib, as the public ones were.

To draw them again: python -m tests.toolkit.make_golden
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.toolkit.sounds import GOLDEN, RATE, Sound

FOLDER = Path(__file__).parent / "golden"


def peer_db(sound: Sound) -> NDArray[np.float32]:
    """Return librosa's decibels: float32, shape (128, frames)."""
    import librosa

    power = librosa.feature.melspectrogram(y=sound, sr=RATE, pad_mode="reflect")
    return np.asarray(librosa.amplitude_to_db(power, ref=np.max))


def peer_picture(db: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return matplotlib's picture of a spectrogram, with the settings notebooks had: uint8, shape (288, 432, 3)."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "figure.dpi": 72, "figure.subplot.bottom": 0.125}):
        figure = Figure(figsize=(6, 4))
        axes = figure.add_subplot()
        bands, frames = db.shape
        axes.pcolormesh(np.arange(frames + 1), np.arange(bands + 1), db, cmap="magma", shading="flat", snap=False)
        axes.set(xlim=(0, frames), ylim=(0, bands), xticks=[], yticks=[])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.array(canvas.buffer_rgba())[..., :3]


def main() -> None:
    """Write the golden pictures."""
    from PIL import Image

    FOLDER.mkdir(exist_ok=True)
    for name, sound in GOLDEN.items():
        Image.fromarray(peer_picture(peer_db(sound))).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
