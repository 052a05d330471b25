"""What holds for a front end inside a model file, in TFLite as in ONNX."""

from __future__ import annotations

from toolkit.errors import UsageError
from toolkit.frontend.picture import BOX, HEIGHT, WIDTH
from toolkit.frontend.spec import FrontEnd


def check_front_end(spec: FrontEnd, level: str) -> None:
    """Raise `UsageError` where a front end cannot be part of a model."""
    if spec.n_fft % spec.hop_length:
        raise UsageError(f"--input {level}: needs n_fft ({spec.n_fft}) to be a multiple of hop_length")
    if spec.short == "stretch":
        raise UsageError(
            f"--input {level}: a model accepts one length of sound, so that short ones cannot be stretched"
        )


def picture_margins() -> list[list[int]]:
    """Return how many pixels the picture has before and after its box, in height and width."""
    return [[side.start, length - side.stop] for side, length in zip(BOX, (HEIGHT, WIDTH), strict=True)]
