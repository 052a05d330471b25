"""The spectrogram against librosa, against float64 and against physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.toolkit import sounds
from tests.toolkit.make_golden import peer_db
from tests.toolkit.sounds import SOUNDS
from toolkit.errors import ArtifactError, AudioError
from toolkit.frontend.fft import CHUNK, PowerSpectra
from toolkit.frontend.mel import band_centres, filter_bank, hz_to_mel, mel_to_hz
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.spectrogram import MelFrames, db_mel, decibels, mel_power


@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large")
@pytest.mark.parametrize("name", SOUNDS)
def test_decibels_agree_with_librosa(name: str) -> None:
    """Within 1e-4 dB, over tones, noise, chirps, silence and impulses."""
    ours, theirs = db_mel(SOUNDS[name]), peer_db(SOUNDS[name])
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape == (128, 1 + len(SOUNDS[name]) // 512)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "spec",
    [
        PICTURE,
        FrontEnd(n_fft=1024, hop_length=256, n_mels=64),
        FrontEnd(n_fft=64, hop_length=64, n_mels=16),
        FrontEnd(sample_rate=16_000, n_fft=4096, hop_length=1000, f_min=50.0, f_max=7000.0),
    ],
)
def test_filter_bank_is_librosas(spec: FrontEnd) -> None:
    import librosa

    theirs = librosa.filters.mel(  # type: ignore[attr-defined]
        sr=spec.sample_rate, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.f_min, fmax=spec.f_max
    )
    np.testing.assert_allclose(filter_bank(spec), theirs, rtol=1e-6, atol=1e-9)
    assert not filter_bank(spec)[:, [0, -1]].any(), "the bound on a frame's power needs weightless outermost bins"


@pytest.mark.parametrize("length", [16, 64, 128, 2048, 16_384])
def test_power_spectra_are_the_fourier_transforms(length: int) -> None:
    frames = np.random.default_rng(length).standard_normal((CHUNK, length)).astype(np.float32)
    spectra = PowerSpectra(length)
    spectra.frames[:] = frames
    expected = np.abs(np.fft.rfft(frames.astype(np.float64))) ** 2
    expected[:, 0] += expected[:, length // 2]
    bins = spectra.plan.bins
    assert sorted(bins.reshape(-1)) == list(range(length // 2)), "each bin is computed once"
    for part, (start, stop) in zip(spectra(), spectra.plan.parts, strict=True):
        held = bins[:, start:stop].reshape(-1)
        np.testing.assert_allclose(part.T, expected[:, held], rtol=0, atol=1e-5 * expected.max())
    expected[:, 0] /= 2
    np.testing.assert_allclose(spectra.class_energy().T, expected[:, bins].sum(axis=2), rtol=1e-5)


def test_mel_scale_is_its_own_inverse_and_slaneys() -> None:
    hertz = np.linspace(0, 11_025, 500)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hertz)), hertz, atol=1e-8)
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 200.0, 1000.0, 6400.0])), [0, 3, 15, 42])


@given(st.floats(40, 10_900), st.floats(0.001, 1.0))
@settings(max_examples=40, deadline=None)
def test_a_tone_lands_in_its_band(hertz: float, level: float) -> None:
    loudest = int(mel_power(sounds.tone(hertz, 0.5, level))[:, 5:-5].sum(axis=1).argmax())
    nearest = int(np.abs(band_centres() - hertz).argmin())
    assert abs(loudest - nearest) <= 1


def test_silence_is_flat_and_finite() -> None:
    assert (db_mel(np.zeros(50_000, dtype=np.float32)) == 0).all()


@given(st.floats(0.2, 2.8))
@settings(max_examples=20, deadline=None)
def test_an_impulse_lights_only_the_frames_that_hold_it(second: float) -> None:
    power = mel_power(sounds.impulse(second)).sum(axis=0)
    sample = round(second * sounds.RATE)
    centres = np.arange(len(power)) * 512
    assert power.argmax() == np.abs(centres - sample).argmin() or len(set(np.abs(centres - sample))) < len(centres)
    assert (power[np.abs(centres - sample) > 1024] == 0).all()


@pytest.mark.parametrize("gain", [2.0, 0.5, 0.25])
def test_gain_leaves_the_decibels_unchanged(gain: float) -> None:
    sound = sounds.melody(5)
    np.testing.assert_allclose(db_mel(np.float32(gain) * sound), db_mel(sound), atol=1e-4)


@pytest.mark.parametrize("padding", ["reflect", "constant"])
@pytest.mark.parametrize("hop", [64, 100, 256, 512])
@pytest.mark.parametrize("length", [1, 300, 2047, 2048, 2049, 2048 + 99, 3000, 20_011])
def test_frames_at_the_ends_are_those_of_a_padded_sound(length: int, hop: int, padding: str) -> None:
    """Only the ends of a long sound are padded; its frames are, bit by bit, those of a padded copy."""
    spec = FrontEnd(n_fft=512, hop_length=hop, n_mels=32, padding=padding)
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    frames = MelFrames(samples, spec)
    padded = MelFrames.inside(np.pad(samples, 256, mode=padding), spec)  # type: ignore[call-overload]
    assert len(frames) == len(padded) == 1 + length // hop
    np.testing.assert_array_equal(frames.power(), padded.power())
    np.testing.assert_allclose(frames.bounds(), padded.bounds(), rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_frame_does_not_depend_on_which_others_are_computed(seed: int) -> None:
    frames = MelFrames(sounds.music(seed, 10))
    everything = frames.power()
    some = np.sort(np.random.default_rng(seed).choice(len(frames), 77, replace=False))
    np.testing.assert_array_equal(frames.power(some), everything[some])


@given(arrays(np.float32, st.integers(1, 9000), elements=st.floats(-1, 1, width=32)), st.sampled_from((64, 2048)))
@settings(max_examples=60, deadline=None)
def test_no_band_exceeds_its_frames_bound(samples: np.ndarray, length: int) -> None:
    frames = MelFrames(samples, FrontEnd(n_fft=length, hop_length=length // 4, n_mels=16))
    loudest = frames.power().max(axis=1)
    assert (loudest <= frames.bounds() + np.float32(1e-30)).all()
    assert (loudest <= frames.tight_bounds(np.arange(len(frames))) + np.float32(1e-30)).all()


@pytest.mark.parametrize("name", SOUNDS)
def test_no_band_exceeds_its_frames_bound_in_made_sounds(name: str) -> None:
    frames = MelFrames(SOUNDS[name])
    loudest = frames.power().max(axis=1)
    assert (loudest <= frames.bounds()).all()
    assert (loudest <= frames.tight_bounds(np.arange(len(frames)))).all()


def test_tight_bounds_are_mostly_tighter() -> None:
    frames = MelFrames(sounds.melody(10))
    assert (frames.tight_bounds(np.arange(len(frames))) < frames.bounds()).mean() > 0.9


def test_a_hop_that_does_not_divide_the_frame_has_no_bound() -> None:
    assert np.isinf(MelFrames(sounds.noise(0), FrontEnd(hop_length=500)).bounds()).all()


def test_decibels_relate_to_a_given_peak() -> None:
    power = np.array([[1.0, 0.1]], dtype=np.float32)
    np.testing.assert_allclose(decibels(power, peak=np.float32(10)), [[-20, -40]], atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(0, dtype=np.float32), "no samples"),
        (np.zeros((10, 2), dtype=np.float32), "shape"),
        (np.zeros(10, dtype=np.int16), "int16"),
        (np.array([0, np.nan], dtype=np.float32), "NaN"),
        (np.array([0, np.inf], dtype=np.float32), "NaN or infinity"),
        (np.array([0, -1e30], dtype=np.float32), "magnitude"),
    ],
)
def test_unusable_samples_are_refused(samples: np.ndarray, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        db_mel(samples)


def test_spec_survives_json_and_tells_specs_apart() -> None:
    spec = replace(PICTURE, n_mels=64, short="pad")
    assert FrontEnd.from_dict(spec.to_dict()) == spec
    assert spec.digest() != PICTURE.digest() == FrontEnd().digest()
    assert FrontEnd(f_max=11_025).digest() == PICTURE.digest(), "an int and a float of one value are one spec"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate", 0),
        ("sample_rate", True),
        ("n_fft", 1000),
        ("n_fft", "2048"),
        ("hop_length", 4096),
        ("hop_length", 1),
        pytest.param("n_fft", 10**400, id="n_fft-huge"),
        pytest.param("f_max", 10**400, id="f_max-huge"),
        ("sample_rate", 999),
        ("n_mels", 2000),
        ("f_min", float("nan")),
        ("f_max", 12_000.0),
        ("f_max", 1e-308),
        ("hop_seconds", 1e-300),
        ("shift", 1e308),
        ("scale", -1e308),
        ("amin", 0.0),
        ("top_db", -1),
        ("width", 400),
        ("window_seconds", float("inf")),
        ("padding", "edge"),
        ("short", None),
    ],
)
def test_an_impossible_spec_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ArtifactError, match=field):
        FrontEnd.from_dict({**PICTURE.to_dict(), field: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_fft": 2048, "n_mels": 513}, "n_mels is 513; it must be at most 512"),
        ({"hop_length": 10}, "hop_length is 10; it must be at least 11"),
        ({"n_fft": 16_384, "hop_length": 256, "n_mels": 512}, "n_fft x max.n_mels, 128. / hop_length is 32768.0"),
        ({"n_fft": 16_384, "hop_length": 64, "n_mels": 1}, "n_fft x max.n_mels, 128. / hop_length is 32768.0"),
        ({"sample_rate": 768_000, "window_seconds": 600.0, "hop_length": 2048}, "at most 30000000 samples"),
    ],
)
def test_a_spec_that_costs_too_much_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        FrontEnd.from_dict({**PICTURE.to_dict(), **change})
    assert FrontEnd(n_fft=16_384, hop_length=512, n_mels=512).n_mels == 512


def test_a_message_about_a_spec_is_short() -> None:
    for change in ({"n_mels": 10**400}, {"short": "x" * 10_000}, {"x" * 10_000: 1}, {"f_min": [1] * 10_000}):
        with pytest.raises(ArtifactError) as caught:
            FrontEnd.from_dict({**PICTURE.to_dict(), **change})
        assert len(str(caught.value)) < 200


def test_a_spec_with_an_unknown_or_missing_field_is_refused() -> None:
    whole = PICTURE.to_dict()
    with pytest.raises(ArtifactError, match="unknown field: colour"):
        FrontEnd.from_dict({**whole, "colour": "grey"})
    del whole["amin"]
    with pytest.raises(ArtifactError, match="lacks a field: amin"):
        FrontEnd.from_dict(whole)
    with pytest.raises(ArtifactError, match="not an object"):
        FrontEnd.from_dict([])  # type: ignore[arg-type]
