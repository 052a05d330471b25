"""librosa beside the front ends: it computes what they do, so that their times can stand beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.measure import frontend
from tests.toolkit import sounds
from toolkit.errors import DatasetError
from toolkit.frontend.features import features
from toolkit.frontend.picture import INTERIOR, render, save_png
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spectrogram import db_mel

GRIDS = {name: spec for name, spec in PRESETS.items() if spec.layout == "grid"}
GRIDS["of no loudness"] = replace(GRIDS["log-mel"], normalise="clip", shift=0.0, scale=1.0)


@pytest.mark.parametrize("name", GRIDS)
def test_librosa_computes_the_same_grid(name: str) -> None:
    pytest.importorskip("librosa")
    spec = GRIDS[name]
    window = np.resize(sounds.music(1, 10), spec.window_samples)
    theirs = frontend.librosa_features(spec)
    assert theirs is not None
    np.testing.assert_allclose(theirs(window), features(window, spec)[:, :, 0], rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", ["gtzan-picture", "mel-grid"])
def test_librosa_computes_a_pictures_decibels(name: str) -> None:
    librosa = pytest.importorskip("librosa")
    sound = sounds.music(2, 5)
    theirs = frontend.librosa_features(PRESETS[name])
    assert theirs is not None
    power = librosa.feature.melspectrogram(y=sound, sr=22_050, pad_mode="reflect")
    np.testing.assert_allclose(theirs(sound), librosa.amplitude_to_db(power, ref=np.max), rtol=0, atol=1e-4)
    np.testing.assert_allclose(theirs(sound), db_mel(sound), rtol=0, atol=1e-4)


def test_both_are_timed_in_the_same_rounds() -> None:
    pytest.importorskip("librosa")
    spec = PRESETS["yamnet"]
    row = frontend.measure_speed("yamnet", spec, [sounds.noise(0)[: spec.window_samples]], repeats=3)
    assert (row.front_end, row.result, row.windows) == ("yamnet", "64 x 96", 1)
    assert row.librosa is not None and row.ratio is not None and min(row.ours.count, row.librosa.count) >= 3
    assert 0 < row.ratio.low <= row.ratio.median <= row.ratio.high


def test_without_librosa_the_front_end_is_timed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "librosa_features", lambda spec: None)
    row = frontend.measure_speed("yamnet", PRESETS["yamnet"], [np.zeros(15_600, np.float32)], repeats=1)
    assert row.ours.count >= 1 and row.librosa is None and row.ratio is None


def test_each_clip_is_compared_with_its_own_picture(tmp_path: Path) -> None:
    """Public pictures are named without the dot; pixels of the frame around count for the deviation alone."""
    for folder in ("genres_original/jazz", "images_original/jazz"):
        (tmp_path / folder).mkdir(parents=True)
    for number, changed in ((0, 0), (1, 7)):
        sound = sounds.music(number, 3)
        soundfile.write(tmp_path / f"genres_original/jazz/jazz.0000{number}.wav", sound, 22_050, subtype="FLOAT")
        picture = render(sound)
        picture[:4, :5] ^= 1
        picture[INTERIOR][10, 20 : 20 + changed, 1] ^= 8
        save_png(picture, tmp_path / f"images_original/jazz/jazz0000{number}.png")
    (tmp_path / "genres_original/jazz/jazz.00002.wav").write_bytes(b"it has no picture, and is not read")
    fidelity = frontend.measure_fidelity(tmp_path, lambda done, total: None)
    assert [(row.clip, row.differing) for row in fidelity.clips] == [("jazz.00000", 0), ("jazz.00001", 7)]
    size = np.prod([place.stop - place.start for place in INTERIOR])
    assert fidelity.identical == pytest.approx(1 - 7 / (2 * size))
    deviations = [60 / picture.size, (60 + 7 * 8) / picture.size]
    assert [row.deviation for row in fidelity.clips] == pytest.approx(deviations)
    assert fidelity.mean_deviation == pytest.approx(np.mean(deviations))
    assert (fidelity.worst_clip, fidelity.worst_deviation) == ("jazz.00001", fidelity.clips[1].deviation)
    with pytest.raises(DatasetError, match="holds no clip with a picture"):
        frontend.measure_fidelity(tmp_path / "genres_original", lambda done, total: None)
