"""What a model is given for a window of sound, by what its card says that it takes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runtime.preprocess import arranged, model_input
from tests.cards import example_card
from toolkit.artifact.axes import shape as axis_shape
from toolkit.artifact.card import Card, input_shape
from toolkit.artifact.card_sections import TensorCard
from toolkit.errors import AudioError
from toolkit.frontend.picture import paint, render
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import fitted

SOUND = np.random.default_rng(2).uniform(-1, 1, 650_000).astype(np.float32)


def card(level: str) -> Card:
    shape = input_shape(PICTURE, level)
    return replace(example_card(), input_level=level, input=TensorCard("float32", shape, "", None, None))


@pytest.mark.parametrize("level", ["picture", "mel", "waveform"])
def test_it_has_the_shape_and_type_that_the_card_says(level: str) -> None:
    network_input = model_input(SOUND, card(level))
    assert network_input.dtype == np.float32 and (1, *network_input.shape) == card(level).input.shape


def test_it_is_the_sound_or_what_the_front_end_makes_of_it() -> None:
    np.testing.assert_array_equal(model_input(SOUND, card("picture")), render(SOUND))
    np.testing.assert_array_equal(model_input(SOUND, card("waveform")), fitted(SOUND))
    np.testing.assert_array_equal(paint(model_input(SOUND, card("mel"))), render(fitted(SOUND)))


@pytest.mark.parametrize("level", ["picture", "mel", "waveform"])
@pytest.mark.parametrize("bad", [np.zeros(0, np.float32), np.full(9000, np.nan, np.float32)])
def test_what_is_no_sound_is_refused(level: str, bad: Any) -> None:
    with pytest.raises(AudioError):
        model_input(bad, card(level))


GRID = PRESETS["log-mel"]


@pytest.mark.parametrize(
    ("level", "axes", "order"),
    [
        ("grid", ("batch", "frame", "band", "channel"), (1, 0, 2)),
        ("grid", ("batch", "channel", "band", "frame"), (2, 0, 1)),
        ("mel", ("frame", "band"), (1, 0)),
        ("waveform", ("sample",), (0,)),
    ],
)
def test_axes_are_brought_into_the_cards_order(level: str, axes: tuple[str, ...], order: tuple[int, ...]) -> None:
    natural = input_shape(GRID, level)
    source = TensorCard("float32", axis_shape(level, natural, axes), "", None, None)
    plain = replace(
        example_card(), front_end=GRID, input_level=level, input=TensorCard("float32", natural, "", None, None)
    )
    turned = replace(plain, input=source, axes=axes)
    window = SOUND[: GRID.window_samples]
    value = model_input(window, turned)
    np.testing.assert_array_equal(value, model_input(window, plain).transpose(order))
    assert value.shape == source.shape[axes[0] == "batch" :]


def test_a_channel_may_be_missing_or_added() -> None:
    value = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    card: Any = SimpleNamespace(input_level="grid", axes=("frame", "band"))
    np.testing.assert_array_equal(arranged(value, card), value[:, :, 0].T)
    card = SimpleNamespace(input_level="waveform", axes=("batch", "channel", "sample"))
    np.testing.assert_array_equal(arranged(value[:, 0, 0], card), value[:, 0, 0][np.newaxis])
