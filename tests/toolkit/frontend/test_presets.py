"""Every preset against the library or the model that it comes from, and front ends from files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toolkit import sounds
from toolkit.audio.decode import load
from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend.features import features, features_of_power
from toolkit.frontend.grid import grid
from toolkit.frontend.picture import cells, cells_in, read_png
from toolkit.frontend.presets import PRESETS, front_end, to_json
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.spectrogram import MelFrames

TIME = np.arange(320_000) / 32_000
REFERENCE_SOUNDS = {
    "tone": 0.3 * np.sin(2 * np.pi * 440 * TIME),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(320_000),
    "chirp": 0.3 * np.sin(2 * np.pi * (100 * TIME + 300 * TIME**2)),
    "silence": np.zeros(320_000),
}


@pytest.mark.parametrize("name", REFERENCE_SOUNDS)
def test_efficientat_is_what_its_authors_compute(name: str, backbones: Path) -> None:
    expected = np.load(backbones / "mn04_reference.npz")[f"{name}_mel"].reshape(128, -1)
    ours = grid(REFERENCE_SOUNDS[name].astype(np.float32), replace(PRESETS["efficientat"], window_seconds=10.0))
    assert ours.shape == (128, 1_000, 1)
    assert np.abs(ours[:, ::10, 0] - expected).max() < 5e-4


def yamnet_reference(samples: np.ndarray) -> np.ndarray:
    """Return YAMNet's features by its published parameters and TensorFlow's mel matrix, in float64."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 400)[::160]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    magnitude = np.abs(np.fft.rfft(frames * hann, 512))
    mel = 1127.0 * np.log(1 + np.arange(257) * 16_000 / 512 / 700)
    edges = np.linspace(1127.0 * np.log(1 + 125 / 700), 1127.0 * np.log(1 + 7_500 / 700), 66)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.maximum(0, np.minimum((mel - low) / (middle - low), (high - mel) / (high - middle)))
    return np.log(magnitude @ weights.T + 0.001).T


def test_yamnet_is_what_its_parameters_say() -> None:
    spec = PRESETS["yamnet"]
    for seed in range(3):
        samples = (0.1 * np.random.default_rng(seed).standard_normal(spec.window_samples)).astype(np.float32)
        ours = grid(samples, spec)
        assert ours.shape == (64, 96, 1)
        assert np.abs(ours[:, :, 0] - yamnet_reference(samples)).max() < 1e-4


@pytest.mark.gtzan
def test_mel_grid_is_what_the_public_pictures_show(gtzan_root: Path) -> None:
    """Every visible cell of real clips' pictures comes out again, but for those that lie on a colour's edge."""
    clips = sorted((gtzan_root / "genres_original").glob("*/*.flac"))[::5]
    assert clips
    for clip in clips:
        name = clip.stem.replace(".", "")
        public = cells_in(read_png(gtzan_root / "images_original" / clip.parent.name / f"{name}.png"))
        ours = cells(load(clip, PICTURE.sample_rate))
        assert ours.shape == public.shape == PRESETS["mel-grid"].shape
        np.testing.assert_array_equal(ours, public)


def librosa_grid(samples: np.ndarray, spec: FrontEnd) -> np.ndarray:
    """Return a grid by librosa's own functions."""
    import librosa
    from librosa.filters import get_window, mel

    if spec.pre_emphasis:
        samples = samples[1:] - spec.pre_emphasis * samples[:-1]
    window = np.zeros(spec.n_fft)
    first = (spec.n_fft - spec.frame_length) // 2 if spec.centred else 0
    if not spec.centred:
        samples = np.pad(samples, (0, spec.n_fft - spec.frame_length))
    window[first : first + spec.frame_length] = get_window("hann", spec.frame_length, fftbins=spec.window == "hann")
    spectrum = librosa.stft(
        samples.astype(np.float64),
        n_fft=spec.n_fft,
        hop_length=spec.hop_length,
        window=window,
        center=spec.centred,
        pad_mode=spec.padding,
    )
    bank = mel(
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        n_mels=spec.n_mels,
        fmin=spec.f_min,
        fmax=spec.f_max,
        htk=spec.mel_scale == "htk",
        norm=None if spec.mel_norm == "none" else spec.mel_norm,
        dtype=np.float64,
    )
    bands = bank @ np.abs(spectrum) ** spec.exponent
    reference = np.max if spec.reference == "max" else 1.0
    if spec.log == "db":
        return librosa.power_to_db(bands, ref=reference, amin=spec.amin, top_db=spec.top_db)
    if spec.log == "amplitude-db":
        return librosa.amplitude_to_db(bands, ref=reference, amin=spec.amin, top_db=spec.top_db)
    return np.log(bands + spec.log_offset) if spec.log == "ln" else bands


def general(log: str, **options: Any) -> FrontEnd:
    return FrontEnd(log=log, log_offset=1e-3 if log == "ln" else 0.0, **options)


GENERAL = st.builds(
    general,
    layout=st.just("grid"),
    short=st.just("pad"),
    window_seconds=st.sampled_from((0.3, 1.0, 2.7)),
    centred=st.booleans(),
    sample_rate=st.sampled_from((8_000, 16_000, 22_050, 44_100)),
    n_fft=st.sampled_from((512, 1_024, 2_048)),
    hop_length=st.sampled_from((100, 160, 256, 441)),
    window_length=st.sampled_from((0, 400, 512)),
    window=st.sampled_from(("hann", "hann-symmetric")),
    n_mels=st.sampled_from((20, 40, 64)),
    f_min=st.sampled_from((0.0, 50.0)),
    f_max=st.sampled_from((3_000.0, 4_000.0)),
    mel_scale=st.sampled_from(("slaney", "htk")),
    mel_norm=st.sampled_from(("slaney", "none")),
    exponent=st.sampled_from((1.0, 2.0)),
    padding=st.sampled_from(("reflect", "constant")),
    pre_emphasis=st.sampled_from((0.0, 0.97)),
    log=st.sampled_from(("amplitude-db", "db", "ln", "none")),
    reference=st.sampled_from(("max", "one")),
)


@given(GENERAL, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_general_options_are_librosas(spec: FrontEnd, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = (0.1 * rng.standard_normal(spec.window_samples)).astype(np.float32)
    ours, expected = grid(samples, spec)[:, :, 0], librosa_grid(samples, spec)
    assert ours.shape == expected.shape == spec.shape[:2]
    scale = 1.0 if spec.log != "none" else float(expected.max())
    assert np.abs(ours - expected).max() < 2e-3 * scale


@pytest.mark.parametrize("name", PRESETS)
def test_a_frame_is_the_same_whichever_others_are_computed(name: str) -> None:
    """So a stream, which computes the new frames of each window, gives what a file gives, bit for bit."""
    spec = PRESETS[name]
    samples = np.resize(sounds.music(1, 30), spec.window_samples)
    power = MelFrames(samples, spec).power()
    np.testing.assert_array_equal(features_of_power(power, spec), features(samples, spec))
    assert features(samples, spec).shape == spec.shape and features(samples, spec).dtype == np.float32
    few = np.array([0, 5, len(power) - 1])
    np.testing.assert_array_equal(MelFrames(samples, spec).power(few), power[few])


def test_normalising_each_window_gives_mean_0_and_variance_1() -> None:
    spec = replace(PRESETS["log-mel"], normalise="clip", shift=0.0, scale=1.0)
    values = grid(sounds.music(0, 5), spec)
    assert abs(values.mean()) < 1e-5 and values.std() == pytest.approx(1, abs=1e-4)
    assert np.isfinite(grid(np.zeros(spec.window_samples, np.float32), spec)).all()


@pytest.mark.parametrize("name", PRESETS)
def test_a_front_end_is_read_from_the_file_it_is_written_to(name: str, tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    path.write_text(to_json(PRESETS[name]))
    assert front_end(str(path)) == front_end(name) == PRESETS[name]
    assert FrontEnd.from_dict(PRESETS[name].to_dict()) == PRESETS[name]


def test_what_was_there_before_is_written_as_before() -> None:
    assert len(PICTURE.to_dict()) == 13


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"n_mel": 64}', "unknown field: n_mel"),
        ('{"n_fft": 1000}', "n_fft is 1000; it must be a power of two"),
        ('{"layout": "cube"}', "layout is 'cube'; it must be one of picture, cells, grid"),
        ('{"layout": "grid", "short": "stretch"}', "short is 'stretch'"),
        ('{"log": "ln"}', "log_offset is 0.0"),
        ('{"mel_scale": "htk"}', "mel_scale is 'htk'; it must be slaney in the layout picture"),
        ('{"layout": "grid", "short": "pad", "centred": 1}', "centred is 1; it must be true or false"),
        ('{"layout": "grid", "short": "pad", "window_length": 4096}', "window_length is 4096; it must be from 64"),
        ('{"hop_seconds": 31}', "hop_seconds is 31.0; it must be at most a window"),
        ("[]", "is not an object but list"),
        ("{", "it is no JSON"),
        ('{"n_mels": 64, "n_mels": 32}', "a field is given twice"),
    ],
)
def test_a_file_that_is_no_front_end_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "front.json"
    path.write_text(content)
    with pytest.raises(ArtifactError) as error:
        front_end(str(path))
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)
    assert json.dumps(str(error.value)).count("\\n") == 0


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    path.write_text('{"n_mels": 64}', encoding="utf-8-sig")
    assert front_end(str(path)).n_mels == 64


@pytest.mark.parametrize("name", ["melgrid", ""])
def test_a_name_that_is_neither_preset_nor_file_is_misuse(name: str) -> None:
    with pytest.raises(UsageError, match=f"there is no front end '{name}': choose one of gtzan-picture, mel-grid"):
        front_end(name)
