"""The page in the browser has the labels and the probabilities of the runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from runtime.classifier import Classifier
from tests.export.web.pages import classified, opened
from toolkit.artifact.golden import golden_input

pytestmark = pytest.mark.slow
NETWORKS = ("gtzanet", "zfnet", "edgenet", "mn04", "yamnet")
MAX_ABS = 0.02
CLIPS = 5


def check(launched: Any, folder: Path, paths: list[Path]) -> None:
    (model,) = folder.glob("*.onnx")
    classifier = Classifier.load(model, threads=1)
    with opened(launched, folder) as page:
        for path in paths:
            expected = classifier.classify(path)
            label, probabilities = classified(page, path)
            assert label == expected.label, path
            assert probabilities.keys() == set(expected.labels)
            off = max(abs(probabilities[name] - value) for name, value in expected.by_label().items())
            assert off <= MAX_ABS, path


@pytest.mark.parametrize("network", NETWORKS)
def test_golden_samples(launched: Any, page_of: Callable[[str], Path], network: str, tmp_path: Path) -> None:
    folder = page_of(network)
    (model,) = folder.glob("*.onnx")
    card = Classifier.load(model).card
    assert card.golden
    paths = []
    for sample in card.golden.samples:
        sound = golden_input(card.input.shape[1:], card.golden.low, card.golden.high, sample.seed, whole=False)
        paths.append(tmp_path / f"{sample.seed}.wav")
        soundfile.write(paths[-1], sound, card.front_end.sample_rate, subtype="FLOAT")
    check(launched, folder, paths)


@pytest.mark.parametrize("network", NETWORKS)
def test_rates_channels_and_lengths(
    launched: Any, page_of: Callable[[str], Path], network: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    time = np.arange(44_100 * 7) / 44_100
    chirp = (0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time) + 0.02 * rng.normal(size=time.size)).astype("f")
    sounds = {
        "stereo.wav": (np.stack([chirp, 0.5 * chirp[::-1]], 1), 44_100),
        "antiphase.flac": (np.stack([chirp, -chirp], 1), 44_100),
        "faster.flac": (soxr.resample(chirp, 44_100, 48_000), 48_000),
        "slower.ogg": (soxr.resample(chirp, 44_100, 16_000), 16_000),
        "squeezed.mp3": (chirp, 44_100),
        "short.wav": (chirp[:20_000], 44_100),
        "partly-silent.wav": (np.concatenate([chirp, np.zeros(44_100 * 70, np.float32)]), 44_100),
    }
    for name, (sound, rate) in sounds.items():
        soundfile.write(tmp_path / name, sound, rate)
    check(launched, page_of(network), [tmp_path / name for name in sounds])


@pytest.mark.gtzan
@pytest.mark.parametrize("network", NETWORKS)
def test_real_clips(launched: Any, page_of: Callable[[str], Path], network: str, gtzan_root: Path) -> None:
    clips = sorted((gtzan_root / "genres_original").rglob("*.flac"))[:: 50 // CLIPS]
    assert len(clips) == CLIPS
    check(launched, page_of(network), clips)
