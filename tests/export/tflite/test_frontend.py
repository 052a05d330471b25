"""The front end inside a model renders the toolkit's pictures, in both formats and at both levels."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from export.front_end_rules import check_front_end
from tests.export.front_end_models import front_end_model
from toolkit.audio.samples import to_mono_at
from toolkit.data import synthetic
from toolkit.data.synthetic_voices import RATE
from toolkit.errors import UsageError
from toolkit.frontend.picture import BOX, colour_index, drawing, paint, render, shown_bands, shown_frames
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.spectrogram import db_mel
from toolkit.frontend.windows import fitted

SHORT = replace(PICTURE, window_seconds=3.0)
ODD = replace(SHORT, n_fft=1024, hop_length=256, n_mels=64, sample_rate=16_000, f_max=8_000, padding="constant")
LENGTH = PICTURE.fixed_samples
RNG = np.random.default_rng(3)


def tone(spec: FrontEnd, hertz: float) -> Any:
    return np.sin(2 * np.pi * hertz * np.arange(spec.fixed_samples) / spec.sample_rate).astype(np.float32)


def sounds(spec: FrontEnd) -> dict[str, Any]:
    size = spec.fixed_samples
    click = np.zeros(size, np.float32)
    click[size // 3] = 1
    synthetic_sound = to_mono_at(synthetic.clip(synthetic.CLASSES[2], 4), RATE, spec.sample_rate)
    return {
        "silence": np.zeros(size, np.float32),
        "noise": RNG.uniform(-1, 1, size).astype(np.float32),
        "whisper": RNG.uniform(-1e-4, 1e-4, size).astype(np.float32),
        "tone": tone(spec, 1000),
        "click": click,
        "synthetic": fitted(synthetic_sound, spec),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sounds(SHORT))
@pytest.mark.parametrize("spec", [PICTURE, SHORT, ODD], ids=["the public pictures'", "short", "odd"])
@pytest.mark.parametrize("level", ["mel", "waveform"])
@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_it_renders_the_toolkits_picture(format: str, level: str, spec: FrontEnd, name: str) -> None:
    sound = sounds(spec)[name]
    picture = front_end_model(format, spec, level)(db_mel(sound, spec) if level == "mel" else sound)
    ours = render(sound, spec)
    differing = (picture != ours).any(axis=-1)
    assert differing.sum() <= (0 if level == "mel" else 50), "of 124,416 pixels"
    assert np.abs(picture - ours).max() <= 5, "a neighbouring colour"


@pytest.mark.slow
@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_tone_lights_its_own_row(format: str) -> None:
    """Higher tones are drawn higher: the brightest row of the box rises with the frequency."""
    rows = [
        int(front_end_model(format, PICTURE, "waveform")(tone(PICTURE, hertz))[BOX].sum(axis=(1, 2))[1:-1].argmax())
        for hertz in (100, 400, 1600, 6400)
    ]
    assert rows == sorted(rows, reverse=True) and len(set(rows)) == 4


def test_the_tables_paint_what_the_toolkit_paints() -> None:
    db = RNG.uniform(-80, 0, (128, 335)).astype(np.float32)
    index = colour_index(db, float(db.min()), float(db.max()))[:, shown_frames(335)]
    places, colours = drawing()
    places = places.copy()
    places[BOX] += index[shown_bands(128)]
    np.testing.assert_array_equal(colours[places], paint(db))


@pytest.mark.parametrize(
    ("spec", "level", "why"),
    [
        (PICTURE, "waveform", None),
        (replace(PICTURE, short="stretch"), "waveform", "short ones cannot be stretched"),
        (PRESETS["mel-grid"], "mel", None),
        (PRESETS["log-mel"], "mel", "decibels are an input of pictures"),
    ],
)
def test_a_front_end_that_cannot_be_a_graph_is_refused(spec: FrontEnd, level: str, why: str | None) -> None:
    with pytest.raises(UsageError, match=f"--input {level}: .*{why}") if why else nullcontext():
        check_front_end(spec, level)
