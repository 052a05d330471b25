"""Any front end inside a model computes the toolkit's features, in both formats.

The engines and the toolkit transform in float32 in orders of their own, and their logarithms differ in the last bit.
A spectrum is right to about 1e-7 of its largest amplitude: so are features without a logarithm. A logarithm widens it
where a band is quiet. Decibels are floored 80 dB below the loudest (of magnitudes here 50), where that is 0.01 dB; ln
has an offset of 1e-3 here, where it is 1 % of magnitudes, 1e-5 of powers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from export.front_end_rules import mirror
from tests.export.front_end_models import front_end_model, tflite_model
from toolkit.errors import ArtifactError
from toolkit.frontend.features import features
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.spectrogram import db_mel

pytestmark = pytest.mark.slow

FORMATS = ("tflite", "onnx")
TOLERANCE = {"none": 3e-6, "ln": 0.02, "db": 0.01, "amplitude-db": 0.01}
"""Of the largest value; of ln; decibels."""
CHOICES: dict[str, tuple[Any, ...]] = {
    "sample_rate": (8_000, 16_000, 22_050, 44_100),
    "n_fft": (256, 512, 1_024, 2_048),
    "hop_length": (64, 100, 160, 256, 441),
    "window_length": (0, 200, 256, 400, 800),
    "window": ("hann", "hann-symmetric"),
    "n_mels": (20, 40, 64),
    "f_min": (0.0, 60.0),
    "f_max": (3_000.0, 4_000.0),
    "centred": (True, False),
    "padding": ("reflect", "constant"),
    "pre_emphasis": (0.0, 0.97),
    "exponent": (1.0, 2.0),
    "mel_scale": ("slaney", "htk"),
    "mel_axis": ("hertz", "mel"),
    "mel_norm": ("slaney", "none"),
    "log": ("amplitude-db", "db", "ln", "none"),
    "reference": ("max", "one"),
    "normalise": ("none", "affine", "clip"),
    "window_seconds": (0.5, 0.975, 1.3),
    "amin": (1e-5, 1e-10),
}
LITTLE = FrontEnd(layout="grid", short="pad", window_seconds=0.1, sample_rate=8_000, f_max=4_000.0, n_mels=40)
"""Less sound than is padded before and after it."""


def random_spec(seed: int) -> FrontEnd:
    """Return a grid's front end whose every option is chosen at random."""
    rng = np.random.default_rng(seed)
    while True:
        options = {name: values[rng.integers(len(values))] for name, values in CHOICES.items()}
        options["log_offset"] = 1e-3 if options["log"] == "ln" else 0.0
        options["top_db"] = 50.0 if (options["exponent"], options["log"]) == (1.0, "db") else 80.0
        options |= {"shift": 3.0, "scale": 0.25} if options["normalise"] == "affine" else {}
        try:
            return FrontEnd(layout="grid", short="pad", **options)
        except ArtifactError:  # such as a window longer than a frame
            continue


SPECS = {name: spec for name, spec in PRESETS.items() if spec.layout == "grid"}
SPECS |= {"less sound than padding": LITTLE} | {f"random {seed}": random_spec(seed) for seed in range(12)}


def sounds(spec: FrontEnd) -> dict[str, Any]:
    """Return silence, noise, a whisper, a tone, a chirp and noise before padding, as long as a window."""
    size, rng = spec.fixed_samples, np.random.default_rng(3)
    time = np.arange(size) / spec.sample_rate
    values = {
        "silence": np.zeros(size),
        "noise": rng.uniform(-1, 1, size),
        "whisper": rng.uniform(-1e-4, 1e-4, size),
        "tone": 0.5 * np.sin(2 * np.pi * 1_000 * time),
        "chirp": 0.5 * np.sin(np.pi * 0.8 * spec.f_max * time**2 / time[-1]),
        "short": np.pad(rng.uniform(-0.3, 0.3, size // 6), (0, size - size // 6)),
    }
    return {name: value.astype(np.float32) for name, value in values.items()}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", SPECS)
def test_it_computes_the_toolkits_grid(name: str, format: str) -> None:
    spec = SPECS[name]
    model = front_end_model(format, spec, "waveform")
    for sound, samples in sounds(spec).items():
        ours, theirs = features(samples, spec), model(samples)
        assert theirs.dtype == np.float32 and theirs.shape == spec.shape
        unit = float(np.abs(ours).max()) if spec.log == "none" else 1.0
        assert np.abs(theirs - ours).max() <= TOLERANCE[spec.log] * unit, sound


@pytest.mark.parametrize("level", ["waveform", "mel"])
@pytest.mark.parametrize("format", FORMATS)
def test_it_computes_the_toolkits_cells(format: str, level: str) -> None:
    spec = replace(PRESETS["mel-grid"], window_seconds=5.0)
    model = front_end_model(format, spec, level)
    for sound, samples in sounds(spec).items():
        ours = features(samples, spec)
        theirs = model(db_mel(samples, spec) if level == "mel" else samples)
        assert theirs.dtype == np.float32 and theirs.shape == ours.shape == spec.shape
        assert (theirs != ours).sum() <= (0 if level == "mel" else 15), f"{sound}: of 42,752 cells"
        assert np.abs(theirs - ours).max() <= 1, "a neighbouring colour"


def test_random_front_ends_have_every_option() -> None:
    specs = [random_spec(seed) for seed in range(12)]
    for name in (
        "centred",
        "padding",
        "exponent",
        "mel_scale",
        "mel_axis",
        "mel_norm",
        "log",
        "reference",
        "normalise",
    ):
        assert {getattr(spec, name) for spec in specs} == set(CHOICES[name]), name
    assert any(spec.n_fft % spec.hop_length for spec in specs) and any(spec.pre_emphasis for spec in specs)
    assert mirror(LITTLE) is not None and all(mirror(spec) is None for spec in specs)


def test_only_operators_that_tflite_has_built_in() -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    for spec in SPECS.values():
        model = schema.ModelT.InitFromPackedBuf(tflite_model(spec, "waveform"), 0)
        assert not [code.customCode for code in model.operatorCodes if code.customCode]
