"""The picture against the public pictures, against matplotlib and against physics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.toolkit import sounds
from tests.toolkit.make_golden import FOLDER, peer_picture
from tests.toolkit.sounds import GOLDEN, SOUNDS
from toolkit.audio import decode
from toolkit.errors import DatasetError
from toolkit.frontend import spectrogram
from toolkit.frontend.colormap import MAGMA
from toolkit.frontend.fft import CHUNK
from toolkit.frontend.mel import band_centres
from toolkit.frontend.peak import power_and_peak
from toolkit.frontend.picture import INTERIOR, paint, read_png, render, save_png, shown_frames
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.spectrogram import MelFrames, db_mel


def real_clips(root: Path) -> list[tuple[Path, Path]]:
    """Return pairs of a clip and its public picture."""
    clips = sorted(path for path in (root / "genres_original").glob("*/*") if path.suffix in (".flac", ".wav"))
    pictures = [root / "images_original" / path.parent.name / f"{path.stem.replace('.', '')}.png" for path in clips]
    return [(clip, picture) for clip, picture in zip(clips, pictures, strict=True) if picture.exists()]


@pytest.mark.gtzan
@pytest.mark.slow
def test_real_clips_give_the_public_pictures(gtzan_root: Path) -> None:
    """99.99 % of the pixels inside the frame are identical, and the whole picture is within 0.05 of 255 on average."""
    pairs = real_clips(gtzan_root)
    assert len(pairs) >= 50
    same = total = 0
    for clip, path in pairs:
        samples, public = decode.load(clip, PICTURE.sample_rate), read_png(path)
        picture = render(samples)
        np.testing.assert_array_equal(picture, paint(db_mel(samples)), err_msg=f"{clip.name}: skipping changed it")
        equal = (picture == public).all(axis=-1)[INTERIOR]
        same, total = same + int(equal.sum()), total + equal.size
        assert np.abs(picture.astype(int) - public).mean() <= 0.05, clip.name
    assert same / total >= 0.9999


@pytest.mark.parametrize("frames", [1, 2, 50, 334, 335, 336, 700, 1292, 1293, 1298, 1308, 2584])
def test_drawing_is_matplotlibs(frames: int) -> None:
    """Every pixel, frame and margin and corners too, for clips of any length."""
    levels = np.random.default_rng(frames).exponential(30, (128, frames))
    db = np.maximum(-80, -levels).astype(np.float32)
    db[0, 0] = 0
    np.testing.assert_array_equal(paint(db), peer_picture(db))


@pytest.mark.parametrize("name", GOLDEN)
def test_made_sounds_give_the_golden_pictures(name: str) -> None:
    """As drawn by librosa and matplotlib; a rounding may move one pixel in 10,000 by a colour."""
    golden = read_png(FOLDER / f"{name}.png")
    picture = render(GOLDEN[name])
    assert (picture != golden).any(axis=-1).mean() <= 1e-4
    assert np.abs(picture.astype(int) - golden).max() <= 8


@pytest.mark.parametrize("name", SOUNDS)
def test_rendering_skips_frames_without_changing_a_pixel(name: str) -> None:
    np.testing.assert_array_equal(render(SOUNDS[name]), paint(db_mel(SOUNDS[name])))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_rendering_long_sounds_skips_frames_without_changing_a_pixel(seed: int) -> None:
    sound = sounds.music(seed)
    np.testing.assert_array_equal(render(sound), paint(db_mel(sound)))


@given(
    arrays(np.float32, st.integers(1, 60), elements=st.floats(-1, 1, width=32)),
    st.integers(1, 4000),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_rendering_any_sound_equals_drawing_all_its_frames(
    levels: np.ndarray, hold: int, noisiness: float, seed: int
) -> None:
    """Steps of any level, held for any time, with any share of noise."""
    envelope = np.repeat(levels, hold)
    grain = np.random.default_rng(seed).standard_normal(len(envelope)).astype(np.float32)
    sound = envelope * (1 + np.float32(noisiness) * grain)
    for spec in (FrontEnd(n_fft=256, hop_length=64, n_mels=32), FrontEnd()):
        np.testing.assert_array_equal(render(sound, spec), paint(db_mel(sound, spec)))


def test_a_hidden_frame_that_holds_the_maximum_counts() -> None:
    """A loud click between two shown frames: without it the colours would be others."""
    sound = sounds.noise(0, 30.0, 1e-3)
    frames = len(MelFrames(sound))
    hidden = np.setdiff1d(np.arange(frames), shown_frames(frames))
    middle = hidden[len(hidden) // 2 + 1]
    sound[middle * 512 - 10 : middle * 512 + 10] = 1
    everything = MelFrames(sound).power()
    shown = np.unique(shown_frames(frames))
    assert everything.max() > everything[shown].max()
    power, peak = power_and_peak(MelFrames(sound), shown)
    assert peak == everything.max()
    np.testing.assert_array_equal(power, everything[shown])
    np.testing.assert_array_equal(render(sound), paint(db_mel(sound)))


def test_most_hidden_frames_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    computed_frames: list[int] = []
    power = spectrogram.MelFrames.power

    def counting(self: MelFrames, which: np.ndarray | None = None) -> np.ndarray:
        computed_frames.append(len(self) if which is None else len(which))
        return power(self, which)

    monkeypatch.setattr(spectrogram.MelFrames, "power", counting)
    render(sounds.melody())
    assert 335 <= sum(computed_frames) <= 335 + 10 * CHUNK


def test_silence_is_one_dark_box_in_a_white_margin() -> None:
    picture = render(np.zeros(22_050 * 30, dtype=np.float32))
    assert (picture[INTERIOR] == MAGMA[0]).all()
    assert (picture[:35] == 255).all() and (picture[253:] == 255).all()
    assert (picture[:, :54] == 255).all() and (picture[:, 390:] == 255).all()


@pytest.mark.parametrize("column", [55, 100, 221, 388])
def test_an_impulse_lights_its_column(column: int) -> None:
    """One sample at the centre of the frame that a column shows (between two shown frames it may stay unseen)."""
    sound = np.zeros(22_050 * 30, dtype=np.float32)
    sound[min(shown_frames(1292)[column - 54] * 512, len(sound) - 1)] = 1
    bright = render(sound)[40:250, 55:389].astype(int).sum(axis=(0, 2))
    assert list(np.flatnonzero(bright > bright.min()) + 55) == [column]


def test_a_tone_lights_its_row() -> None:
    picture = render(sounds.tone(1000, 30.0)).astype(int).sum(axis=2)
    row = picture[INTERIOR].sum(axis=1).argmax() + INTERIOR[0].start
    band = np.abs(band_centres() - 1000).argmin()
    assert abs((288 - row) - (36 + 217.44 * (band + 0.5) / 128)) <= 2.5


@pytest.mark.parametrize("name", ["melody", "chirp up", "noise", "tone 440"])
def test_twice_as_loud_is_the_same_picture(name: str) -> None:
    """A power of two scales floats exactly, so that all but a few roundings of the logarithm stay."""
    one, two = render(SOUNDS[name]).astype(int), render(2 * SOUNDS[name]).astype(int)
    assert (one != two).any(axis=-1).mean() <= 1e-3
    assert np.abs(one - two).max() <= 8


def test_pictures_survive_a_file(tmp_path: Path) -> None:
    picture = render(SOUNDS["melody"])
    save_png(picture, tmp_path / "a.png")
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_files_that_are_no_picture_are_refused(tmp_path: Path) -> None:
    from PIL import Image

    with pytest.raises(DatasetError, match=r"none\.png: no such file"):
        read_png(tmp_path / "none.png")
    with pytest.raises(DatasetError, match="not a readable picture"):
        read_png(tmp_path)
    Image.new("RGB", (100, 50)).save(tmp_path / "small.png")
    with pytest.raises(DatasetError, match=r"small\.png: the picture is 100 x 50 pixels"):
        read_png(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(DatasetError, match=r"text\.png: not a readable picture"):
        read_png(tmp_path / "text.png")
    save_png(render(SOUNDS["noise"]), tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:9000])
    with pytest.raises(DatasetError, match=r"cut\.png: not a readable picture"):
        read_png(tmp_path / "cut.png")
    Image.new("RGBA", (432, 288), (0, 0, 0, 254)).save(tmp_path / "glass.png")
    with pytest.raises(DatasetError, match=r"glass\.png: the picture has transparent pixels"):
        read_png(tmp_path / "glass.png")
    Image.new("RGB", (432, 288)).save(tmp_path / "photo.png", format="JPEG")
    with pytest.raises(DatasetError, match=r"photo\.png: not a readable picture \(it is no PNG file\)"):
        read_png(tmp_path / "photo.png")
    Image.new("I;16", (432, 288)).save(tmp_path / "deep.png")
    with pytest.raises(DatasetError, match=r"deep\.png: the picture's pixels are of kind I;16"):
        read_png(tmp_path / "deep.png")
    with pytest.raises(DatasetError, match="no picture"):
        save_png(np.zeros((288, 432), dtype=np.uint8), tmp_path / "flat.png")


@pytest.mark.parametrize(("mode", "clear"), [("LA", None), ("P", 0), ("P", b"\0"), ("L", 0), ("RGB", (0, 0, 0))])
def test_transparency_of_every_kind_is_refused(tmp_path: Path, mode: str, clear: Any) -> None:
    from PIL import Image

    extra: dict[str, Any] = {} if clear is None else {"transparency": clear}
    Image.new(mode, (432, 288), 0).save(tmp_path / "a.png", **extra)
    with pytest.raises(DatasetError, match=r"a\.png: the picture has transparent pixels"):
        read_png(tmp_path / "a.png")


def test_a_colour_that_would_be_transparent_but_is_not_there_does_not_matter(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (432, 288), (200, 200, 200)).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert (read_png(tmp_path / "a.png") == 200).all()


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P"])
def test_pictures_of_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    from PIL import Image

    Image.new("RGB", (432, 288), (204, 204, 204)).convert(mode).save(tmp_path / "a.png")
    picture = read_png(tmp_path / "a.png")
    assert picture.shape == (288, 432, 3) and (picture == 204).all()
