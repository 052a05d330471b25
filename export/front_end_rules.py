"""What holds for a front end inside a model file, in TFLite as in ONNX."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.frontend.picture import BOX, HEIGHT, INTERIOR, WIDTH, shown_frames
from toolkit.frontend.spec import FrontEnd

DECIBELS = 10 / np.log(10)
"""What a natural logarithm is multiplied by."""


def check_front_end(spec: FrontEnd, level: str) -> None:
    """Raise `UsageError` where a front end cannot be part of a model."""
    if spec.layout == "grid" and level == "mel":
        raise UsageError("--input mel: decibels are an input of pictures, and the front end makes a grid: use waveform")
    if spec.short == "stretch":
        raise UsageError(
            f"--input {level}: a model accepts one length of sound, so that short ones cannot be stretched"
        )


def picture_margins() -> list[list[int]]:
    """Return how many pixels the picture has before and after its box, in height and width."""
    return [[side.start, length - side.stop] for side, length in zip(BOX, (HEIGHT, WIDTH), strict=True)]


def shown_columns(spec: FrontEnd) -> NDArray[np.intp]:
    """Return the frame of each column of a picture's box, or of the cells."""
    columns = shown_frames(spec.fixed_frames)
    return columns if spec.layout == "picture" else columns[INTERIOR[1].start - BOX[1].start :]


def emphasised_samples(spec: FrontEnd) -> int:
    """Return how many samples there are after pre-emphasis."""
    return spec.fixed_samples - (1 if spec.pre_emphasis else 0)


def padding(spec: FrontEnd) -> tuple[int, int]:
    """Return how many samples stand before and after the sound, which make whole frames of all."""
    half = spec.padded_samples
    return (half, half) if spec.centred else (0, spec.n_fft - spec.frame_length)


def mirror(spec: FrontEnd) -> NDArray[np.intp] | None:
    """Return the sample at each place of a sound padded by more than itself, which no engine's padding reflects.

    None where the engine can, or the padding is zeros.
    """
    samples = emphasised_samples(spec)
    if not reflects(spec) or samples > spec.padded_samples:
        return None
    return np.asarray(np.pad(np.arange(samples), padding(spec), mode="reflect"))


def reflects(spec: FrontEnd) -> bool:
    """Return whether the padding is the sound's mirror image."""
    return spec.centred and spec.padding == "reflect"
