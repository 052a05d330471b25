"""A model's input: what its front end computes of a window, its mel spectrogram, or the samples, as its card says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.axes import NATURAL
from toolkit.artifact.card import Card
from toolkit.frontend.features import features
from toolkit.frontend.spectrogram import db_mel
from toolkit.frontend.windows import fitted


def model_input(window: NDArray[np.float32], card: Card) -> NDArray[np.float32]:
    """Return one window of sound as a model accepts it.

    Parameters
    ----------
    window : ndarray of float32, shape (n,)
        Mono sound at the card's sample rate, one of `toolkit.frontend.windows.split_windows`.
    card
        The model's.

    Returns
    -------
    ndarray of float32, of the shape of the model's input without its first side
        A picture or grid of the shape `FrontEnd.shape`, decibels (n_mels, frames), or samples (n,); in another order
        where the card's `axes` say so.

    Raises
    ------
    AudioError
        If the samples are empty, not one-dimensional, or not finite.
    """
    spec = card.front_end
    if card.input_level == "waveform":
        return arranged(fitted(window, spec), card)
    if card.input_level == "mel":
        return arranged(db_mel(fitted(window, spec), spec), card)
    return arranged(features(window, spec), card)


def arranged(value: NDArray[np.float32], card: Card) -> NDArray[np.float32]:
    """Return an input without its batch, in the natural order of its axes, in the order of the card's `axes`."""
    if not card.axes:
        return value
    names, order = NATURAL[card.input_level][1:], [axis for axis in card.axes if axis != "batch"]
    kept = [axis for axis in order if axis in names]
    dropped = [axis for axis in names if axis not in kept]  # of length 1
    moved = value.transpose([names.index(axis) for axis in dropped + kept])
    sizes = dict(zip(dropped + kept, moved.shape, strict=True))
    return moved.reshape([sizes.get(axis, 1) for axis in order])
