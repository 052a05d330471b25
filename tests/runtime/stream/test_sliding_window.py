"""The stream: the same however sound is cut, the pictures that files give, every frame transformed once."""

from __future__ import annotations

import dataclasses
import gc
import tracemalloc
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.classifier import Classifier
from runtime.stream import sliding_window
from runtime.stream.sliding_window import HopResult, Stream
from tests.cards import example_card
from toolkit.artifact.card import feature_level, input_shape
from toolkit.artifact.card_sections import TensorCard
from toolkit.audio.samples import SILENT_DB, level_db
from toolkit.data import synthetic
from toolkit.errors import AudioError, UsageError
from toolkit.frontend import spectrogram
from toolkit.frontend.features import features
from toolkit.frontend.picture import render
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.windows import split_windows

SHORT = FrontEnd(window_seconds=3.0)


class Eye:
    """An engine that keeps the pictures it sees, and gives scores that depend on every pixel."""

    name, threads = "eye", 1

    def __init__(self, spec: FrontEnd) -> None:
        source = TensorCard("float32", input_shape(spec, feature_level(spec)), "NHWC", None, None)
        self.card = dataclasses.replace(example_card(), front_end=spec, input_level=feature_level(spec), input=source)
        self.seen: list[Any] = []

    def run(self, batch: Any) -> Any:
        self.seen.append(batch[0] if self.card.front_end.layout == "grid" else batch[0].astype(np.uint8))
        weights = np.arange(batch[0].size) % 977
        share = float(np.clip(np.abs(batch[0].reshape(-1)) * weights, 0, 255 * weights).sum() / (255.0 * weights.sum()))
        return np.array([[share, 1 - share]], np.float32)


@lru_cache
def clips(seed: int) -> Any:
    return np.concatenate([synthetic.clip(label, seed) for label in synthetic.CLASSES[:3]])


def music(seconds: float, seed: int = 0) -> Any:
    return np.resize(clips(seed), round(seconds * 22050)).astype(np.float32)


def stream(spec: FrontEnd = SHORT, hop: float = 1.5, **options: Any) -> tuple[Stream, Eye]:
    eye = Eye(spec)
    return Stream(Classifier(eye), hop, **options), eye


def plain(heard: list[HopResult]) -> list[HopResult]:
    return [dataclasses.replace(item, spent=0.0) for item in heard]


@given(st.lists(st.integers(0, 60_000), max_size=12), st.integers(0, 2), st.sampled_from([0, 0.01, -0.3]))
@settings(max_examples=15, deadline=None)
def test_how_sound_is_cut_does_not_matter(pieces: list[int], seed: int, offset: float) -> None:
    sound = music(9, seed) + np.float32(offset)
    whole = plain(stream()[0].push(sound))
    cut = stream()[0]
    windows: list[HopResult] = []
    for piece in np.split(sound, np.cumsum(pieces)[np.cumsum(pieces) < len(sound)]):
        windows += cut.push(piece)
    assert plain(windows) == whole
    assert len(whole) == 5 and len({heard.probabilities for heard in whole}) > 3


@pytest.mark.parametrize("hop", [0.25, 32 * 512 / 22_050, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("agree", [None, False])
def test_a_whole_windows_picture_is_that_of_its_samples(
    hop: float, agree: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a frame's values depend on its place in a chunk, all frames of a window are computed."""
    if agree is not None:
        monkeypatch.setattr(sliding_window, "places_agree", lambda spec: agree)
    sound = music(12)
    opened, eye = stream(hop=hop)
    heard = opened.push(sound)
    frame = 512 / 22_050
    assert abs(opened.hop_seconds - hop) <= frame and round(opened.hop_seconds / frame, 6) % 1 == 0
    size = SHORT.window_samples
    ends = [round(item.end * 22050) for item in heard]
    for end, item, picture in zip(ends, heard, eye.seen, strict=True):
        part = sound[max(0, end - size) : end]
        assert item.seconds == len(part) / 22050
        (window,) = split_windows(part, SHORT)
        np.testing.assert_array_equal(picture, render(window, SHORT))
    assert sum(item.seconds == 3 for item in heard) >= 3
    assert np.allclose(np.diff([end for end in ends if end >= size]), opened.hop_seconds * 22050)


def test_with_gtzans_settings() -> None:
    sound = music(41)
    opened, eye = stream(FrontEnd(), 5.0)
    heard = opened.push(sound)
    assert [round(item.end, 2) for item in heard] == [4.99, 9.98, 14.98, 19.97, 24.96, 30.0, 34.99, 39.98]
    for item, picture in list(zip(heard, eye.seen, strict=True))[5:]:
        end = round(item.end * 22050)
        np.testing.assert_array_equal(picture, render(sound[end - 661_500 : end]))


def test_every_frame_is_transformed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed_frames: list[int] = []
    power = spectrogram.MelFrames.power

    def counting(self: Any, which: Any = None, first: int = 0) -> Any:
        computed_frames.append(len(self) if which is None else len(which))
        return power(self, which, first)

    opened, _ = stream(FrontEnd(), 7 * 32 * 512 / 22_050)
    opened.push(music(30))
    monkeypatch.setattr(spectrogram.MelFrames, "power", counting)
    (heard,) = opened.push(music(5.21))
    assert heard.seconds == 30 and sorted(computed_frames) == [4, 7 * 32]


def test_silence_is_not_asked_about() -> None:
    opened, eye = stream(hop=2 * 32 * 512 / 22_050, silence=-50)
    quiet = np.zeros(2 * 32 * 512, np.float32)
    faint = quiet + np.float32(1e-4) * (-1) ** np.arange(len(quiet), dtype=np.float32)
    heard = opened.push(np.concatenate([quiet, music(2)[: len(quiet)], faint, faint]))
    assert [item.probabilities is None for item in heard] == [True, False, True]
    assert heard[0].level == SILENT_DB and heard[2].level == pytest.approx(-80, abs=0.01) and len(eye.seen) == 1
    (loud,) = opened.push(music(3)[-len(quiet) :])
    assert loud.seconds == 3 and loud.probabilities is not None


def test_a_window_after_silence_is_right() -> None:
    sound = np.concatenate([music(4), np.zeros(6 * 22050, np.float32), music(6, 1)])
    opened, eye = stream(silence=-50)
    heard = [item for item in opened.push(sound) if item.probabilities is not None]
    end = round(heard[-1].end * 22050)
    np.testing.assert_array_equal(eye.seen[-1], render(sound[end - SHORT.window_samples : end], SHORT))


def test_the_level_is_the_root_mean_square_without_the_mean() -> None:
    tone = np.sin(np.arange(44100) * 0.1).astype(np.float32)
    for offset in (0, 0.01, -0.5):
        assert level_db(tone + np.float32(offset)) == pytest.approx(-3.01, abs=0.02)
        assert level_db(np.float32(0.1) * tone + np.float32(offset)) == pytest.approx(-23.01, abs=0.02)
        assert level_db(np.full(5, offset, np.float32)) == SILENT_DB
    assert level_db(np.zeros(5, np.float32)) == SILENT_DB


def test_a_shorter_window_is_classified_as_a_short_clip() -> None:
    sound = music(8)
    opened, eye = stream(hop=0.5, window_seconds=1.0)
    heard = opened.push(sound)
    assert opened.window_seconds == 1 and heard[-1].seconds == 1
    end = round(heard[-1].end * 22050)
    (window,) = split_windows(sound[end - 22_050 : end], SHORT)
    np.testing.assert_array_equal(eye.seen[-1], render(window, SHORT))
    for bad in (0.0, 3.1, float("nan")):
        with pytest.raises(UsageError, match="the window is .* at most the model's, 3 s"):
            stream(window_seconds=bad)
    with pytest.raises(UsageError, match="at most a window, 1 s"):
        stream(hop=1.5, window_seconds=1.0)


@pytest.mark.parametrize("seconds", [1.0, 7.0])
def test_the_rest_of_a_sound_is_a_shorter_hop(seconds: float) -> None:
    sound = music(seconds)
    opened, eye = stream()
    heard = opened.push(sound)
    (last,) = opened.finish()
    assert last.end == seconds and last.seconds == min(seconds, 3) and opened.finish() == []
    (window,) = split_windows(sound[-SHORT.window_samples :], SHORT)
    np.testing.assert_array_equal(eye.seen[-1], render(window, SHORT))
    assert last.level == level_db(sound[round((heard[-1].end if heard else 0) * 22050) :])
    opened, eye = stream(silence=-50)
    opened.push(np.concatenate([music(4.5), np.zeros(5_000, np.float32)]))
    seen = len(eye.seen)
    (last,) = opened.finish()
    assert last.probabilities is None and len(eye.seen) == seen


@pytest.mark.parametrize("hop", [0.0, -1.0, 3.1, float("nan")])
def test_an_impossible_hop_is_misuse(hop: float) -> None:
    with pytest.raises(UsageError, match="it must be above 0 and at most a window, 3 s"):
        stream(hop=hop)


def test_windows_may_be_shorter_than_a_chunk_of_frames() -> None:
    sound = music(5)
    for spec, hop in (
        (FrontEnd(window_seconds=0.5), 0.1),
        (FrontEnd(window_seconds=1.0, n_fft=16_384, hop_length=1024, n_mels=32), 1.0),
    ):
        opened, eye = stream(spec, hop)
        heard = opened.push(sound)
        end = round(heard[-1].end * 22050)
        np.testing.assert_array_equal(eye.seen[-1], render(sound[end - spec.window_samples : end], spec))


@pytest.mark.parametrize("name", ["mel-grid", "log-mel", "efficientat", "yamnet"])
@pytest.mark.parametrize("hop", [0.3, 0.9])
def test_every_front_ends_stream_is_what_a_file_gives(name: str, hop: float) -> None:
    spec = dataclasses.replace(PRESETS[name], window_seconds=0.975 if name == "yamnet" else 2.0)
    opened, eye = stream(spec, hop)
    sound = np.resize(clips(1), 6 * spec.sample_rate).astype(np.float32)
    heard = [item for piece in np.array_split(sound, 13) for item in opened.push(piece)]
    size = spec.window_samples
    whole = 0
    for item, seen in zip(heard, eye.seen, strict=True):
        end = round(item.end * spec.sample_rate)
        if end >= size:
            np.testing.assert_array_equal(seen, features(sound[end - size : end], spec))
            whole += 1
    assert whole >= 3


def test_samples_that_are_no_sound_are_refused_and_forgotten() -> None:
    opened, _ = stream()
    sound = music(6)
    windows = opened.push(sound[:50_000])
    for bad in (np.array([np.nan], np.float32), np.zeros((3, 2), np.float32), np.zeros(3, np.int16)):
        with pytest.raises(AudioError):
            opened.push(bad)  # type: ignore[arg-type]
    windows += opened.push(sound[50_000:])
    assert plain(windows) == plain(stream()[0].push(sound))


@pytest.mark.slow
def test_memory_stays_as_it_is() -> None:
    opened, eye = stream(hop=3.0)
    piece = music(1)

    def minutes(count: int) -> None:
        for _ in range(60 * count):
            opened.push(piece)
            eye.seen.clear()

    minutes(1)
    tracemalloc.start()
    minutes(2)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    minutes(20)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 300_000, "a window is 260 KB, and there were 400 of them"
