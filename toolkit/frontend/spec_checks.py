"""Which front ends can be computed; `toolkit.frontend.spec.FrontEnd` checks itself with it."""

from __future__ import annotations

import math
import reprlib
from typing import Any

from toolkit.dataclass_json import is_finite
from toolkit.errors import ArtifactError

MAX_BANDS = 512
MAX_WINDOW_SAMPLES = 30_000_000
MAX_AFFINE = 1e15
MAX_FRAMES = 1 << 16
MAX_WORK = 1 << 34
"""The most frames x n_fft x n_mels, in a window or in 30 s: 50 times those of the public pictures."""
_FEW_BANDS = 128
"""With fewer bands a frame is hardly faster: the Fourier transform is most of it."""
_LENGTHS = tuple(1 << power for power in range(6, 15))
_INTEGERS = ("sample_rate", "n_fft", "hop_length", "n_mels", "width", "height")
NUMBERS = (
    *("f_min", "f_max", "amin", "top_db", "window_seconds", "hop_seconds"),
    *("pre_emphasis", "exponent", "log_offset", "shift", "scale"),
)
CHOICES = {
    "padding": ("reflect", "constant"),
    "short": ("tile", "pad", "stretch"),
    "layout": ("picture", "cells", "grid"),
    "window": ("hann", "hann-symmetric"),
    "mel_scale": ("slaney", "htk"),
    "mel_axis": ("hertz", "mel"),
    "mel_norm": ("slaney", "none"),
    "log": ("amplitude-db", "db", "ln", "none"),
    "reference": ("max", "one"),
    "normalise": ("none", "affine", "clip"),
}
GRID_FIELDS = (
    *("pre_emphasis", "window", "window_length", "centred", "exponent", "mel_scale", "mel_axis", "mel_norm"),
    *("log", "log_offset", "reference", "normalise", "shift", "scale"),
)
"""What only a grid may have otherwise than the public pictures."""
ADDED_FIELDS = ("hop_seconds", "layout", *GRID_FIELDS)


def check(spec: Any) -> None:
    """Raise `ArtifactError` where a front end cannot be computed, or would need minutes or gigabytes."""
    for name in _INTEGERS:
        value = getattr(spec, name)
        _require(type(value) is int and value > 0, name, value, "a positive integer")
    for name in NUMBERS:
        value = getattr(spec, name)
        _require(type(value) in (int, float) and is_finite(value), name, value, "a finite number")
    _require(1_000 <= spec.sample_rate <= 768_000, "sample_rate", spec.sample_rate, "from 1000 to 768000")
    _require(spec.n_fft in _LENGTHS, "n_fft", spec.n_fft, "a power of two from 64 to 16384")
    _require(spec.hop_length <= spec.n_fft, "hop_length", spec.hop_length, "at most n_fft")
    _require(
        spec.n_mels <= min(MAX_BANDS, spec.n_fft // 2),
        "n_mels",
        spec.n_mels,
        f"at most {MAX_BANDS} and at most half of n_fft",
    )
    _require(0 <= spec.f_min <= spec.f_max - 1, "f_min", spec.f_min, "at least 0 and 1 Hz below f_max")
    _require(spec.f_max <= spec.sample_rate / 2, "f_max", spec.f_max, "at most half the sample rate")
    _require(1e-15 <= spec.amin <= 1, "amin", spec.amin, "from 1e-15 to 1")
    _require(0 < spec.top_db <= 400, "top_db", spec.top_db, "above 0 and at most 400")
    _require((spec.width, spec.height) == (432, 288), "width x height", (spec.width, spec.height), "432 x 288")
    _require(0.1 <= spec.window_seconds <= 600, "window_seconds", spec.window_seconds, "from 0.1 to 600")
    for name, choices in CHOICES.items():
        value = getattr(spec, name)
        _require(value in choices, name, value, "one of " + ", ".join(choices))
    _require(type(spec.centred) is bool, "centred", spec.centred, "true or false")
    _require(type(spec.window_length) is int, "window_length", spec.window_length, "an integer")
    _require(64 <= spec.frame_length <= spec.n_fft, "window_length", spec.window_length, "from 64 to n_fft")
    _require(0 <= spec.hop_seconds <= spec.window_seconds, "hop_seconds", spec.hop_seconds, "at most a window")
    _require(0 <= spec.pre_emphasis < 1, "pre_emphasis", spec.pre_emphasis, "at least 0 and below 1")
    _require(spec.exponent in (1.0, 2.0), "exponent", spec.exponent, "1 or 2")
    hop_range = "0, or from hop_length / sample_rate to a window, as windows are whole frames apart"
    hop_is_whole = spec.hop_seconds == 0 or round(spec.hop_seconds * spec.sample_rate) >= spec.hop_length
    _require(hop_is_whole, "hop_seconds", spec.hop_seconds, hop_range)
    _require(spec.scale != 0, "scale", spec.scale, "another number than 0")
    for name in ("shift", "scale"):
        value = getattr(spec, name)
        _require(abs(value) <= MAX_AFFINE, name, value, f"at most {MAX_AFFINE:g}, or values would not be finite")
    _require(0 <= spec.log_offset <= 1, "log_offset", spec.log_offset, "from 0 to 1")
    _require((spec.log == "ln") == (spec.log_offset > 0), "log_offset", spec.log_offset, "above 0 for ln alone")
    _require_layout(spec)
    _require_affordable(spec)


def _require_layout(spec: Any) -> None:
    """Refuse settings that the layout cannot show."""
    if spec.layout == "grid":
        _require(spec.short != "stretch", "short", spec.short, "tile or pad, as a grid has a fixed size")
        samples = spec.window_samples - (1 if spec.pre_emphasis else 0)
        _require(
            spec.centred or samples >= spec.frame_length,
            "window_seconds",
            spec.window_seconds,
            "at least a frame's window_length",
        )
        return
    for name in GRID_FIELDS:
        value, expected = getattr(spec, name), spec.__dataclass_fields__[name].default
        _require(value == expected, name, value, f"{expected} in the layout {spec.layout}")


def _require_affordable(spec: Any) -> None:
    """Refuse a spec that would need minutes or gigabytes for 30 s of sound."""
    _require(
        spec.window_samples <= MAX_WINDOW_SAMPLES,
        "window_seconds",
        spec.window_seconds,
        f"at most {MAX_WINDOW_SAMPLES} samples at sample_rate",
    )
    samples = spec.sample_rate * max(30.0, spec.window_seconds)
    least = math.ceil(samples / MAX_FRAMES)
    hop_range = f"at least {least}, so that there are at most {MAX_FRAMES} frames"
    _require(spec.hop_length >= least, "hop_length", spec.hop_length, hop_range)
    work, most = spec.n_fft * max(spec.n_mels, _FEW_BANDS) / spec.hop_length, int(MAX_WORK / samples)
    work_range = f"at most {most}, or a picture would take too long: raise hop_length, or lower n_fft or n_mels"
    _require(work <= most, f"n_fft x max(n_mels, {_FEW_BANDS}) / hop_length", round(work, 1), work_range)


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ArtifactError(f"the front-end spec's {name} is {reprlib.repr(value)}; it must be {expected}")
