"""Windows of a public picture, as a grid front end with a column's distance between its frames shows them of sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.frontend.picture import cells_in
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import COLUMNS, PICTURE, FrontEnd
from toolkit.frontend.windows import window_spans

COLOURS = 256


def is_shown(spec: FrontEnd) -> bool:
    """Return whether pictures show a front end: `mel-columns` with a window of at most a picture's, and any hop."""
    preset = PRESETS["mel-columns"]
    same = replace(spec, window_seconds=preset.window_seconds, hop_seconds=preset.hop_seconds) == preset
    return same and spec.frames <= COLUMNS


def grids_in(picture: NDArray[np.uint8], spec: FrontEnd) -> NDArray[np.float32]:
    """Return the windows of a picture, uint8 (288, 432, 3), as `spec` shows them: float32 (windows, *spec.shape).

    A column of the picture is one frame of the sound; its times lie within 12 ms of the front end's. A colour stands
    for 0.31 dB, and here for its middle. Decibels relate to the loudest cell of the window; where the clip is louder
    elsewhere, what lies 80 dB below that maximum is not in the picture: it is as loud as its darkest colour.

    Raise `DatasetError` if a pixel's colour is none of magma's.
    """
    cells = cells_in(picture, spec.n_mels).astype(np.float32)
    decibels = (cells + 0.5) * np.float32(PICTURE.top_db / COLOURS) - np.float32(PICTURE.top_db)
    spans = window_spans(PICTURE.window_samples, spec)
    starts = np.array([first / spec.hop_length for first, _ in spans])
    places = np.minimum(np.rint(starts).astype(int), COLUMNS - spec.frames)
    windows = np.stack([decibels[:, place : place + spec.frames] for place in places])
    relative = windows - windows.max((1, 2, 3), keepdims=True)
    shown = np.maximum(relative, np.float32(-spec.top_db))
    return np.ascontiguousarray((shown + np.float32(spec.shift)) * np.float32(spec.scale))
