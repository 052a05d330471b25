"""Front ends by name, and any other from a JSON file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from toolkit.dataclass_json import unique_fields
from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend.spec import PICTURE, FrontEnd

_GRID = FrontEnd(layout="grid", short="pad", window_seconds=5.0)
PRESETS: dict[str, FrontEnd] = {
    "gtzan-picture": PICTURE,
    "mel-grid": replace(PICTURE, layout="cells"),
    "mel-columns": replace(
        PICTURE,
        hop_length=1_977,  # as far as a column of the picture is from the next: 512 * 1293 / 334.8
        window_seconds=5.0,
        short="pad",
        layout="grid",
        top_db=60.0,
        normalise="affine",
        shift=30.0,
        scale=1 / 15,
    ),
    "log-mel": replace(
        _GRID,
        sample_rate=16_000,
        n_fft=512,
        hop_length=256,
        n_mels=64,
        f_max=8_000.0,
        log="db",
        amin=1e-10,
        normalise="affine",
        shift=40.0,
        scale=0.025,
    ),
    "efficientat": replace(
        _GRID,
        sample_rate=32_000,
        n_fft=1_024,
        hop_length=320,
        n_mels=128,
        f_max=15_000.0,
        pre_emphasis=0.97,
        window="hann-symmetric",
        window_length=800,
        mel_scale="htk",
        mel_axis="mel",
        mel_norm="none",
        log="ln",
        log_offset=1e-5,
        normalise="affine",
        shift=4.5,
        scale=0.2,
    ),
    "yamnet": replace(
        _GRID,
        sample_rate=16_000,
        n_fft=512,
        hop_length=160,
        n_mels=64,
        f_min=125.0,
        f_max=7_500.0,
        window_length=400,
        centred=False,
        exponent=1.0,
        window_seconds=0.975,
        hop_seconds=0.48,
        mel_scale="htk",
        mel_axis="mel",
        mel_norm="none",
        log="ln",
        log_offset=1e-3,
    ),
}
"""The paper's picture; its colour indices; its columns in decibels; decibels of 64 bands; EfficientAT's; YAMNet's."""


def front_end(name: str) -> FrontEnd:
    """Return the preset of a name, or the front end in the JSON file at that path.

    Raise `UsageError` if there is neither, and `ArtifactError`, which names the file, if its content is no front end.
    """
    if name in PRESETS:
        return PRESETS[name]
    path = Path(name)
    if not path.is_file():
        what = f"{name} is a folder" if name and path.is_dir() else f"there is no front end {name!r}"
        raise UsageError(f"{what}: choose one of {', '.join(PRESETS)}, or name a JSON file")
    try:
        return FrontEnd.from_dict({**PICTURE.to_dict(), **_object(path)})
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None


def to_json(spec: FrontEnd) -> str:
    """Return a front end as the JSON text that `front_end` reads."""
    return json.dumps(spec.to_dict(), indent=2) + "\n"


def summary(spec: FrontEnd) -> str:
    """Return one line: the shape that a network sees, of which window, and its frames."""
    layout = {"picture": "a picture", "cells": "colour indices", "grid": "a grid"}[spec.layout]
    return (
        f"{layout} {' x '.join(map(str, spec.shape))} of {spec.window_seconds:g} s at {spec.sample_rate} Hz: "
        f"{spec.frames} frames of {spec.frame_length} samples every {spec.hop_length}, {spec.n_mels} bands"
    )


def _object(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique_fields)
    except OSError as error:
        raise ArtifactError(f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"it is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise ArtifactError(f"the front-end spec is not an object but {type(value).__name__}")
    return value
