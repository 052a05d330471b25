"""A model's input: what its front end computes of a window, its mel spectrogram, or the samples, as its card says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
        A picture or grid of the shape `FrontEnd.shape`, decibels (n_mels, frames), or samples (n,).

    Raises
    ------
    AudioError
        If the samples are empty, not one-dimensional, or not finite.
    """
    spec = card.front_end
    if card.input_level == "waveform":
        return fitted(window, spec)
    if card.input_level == "mel":
        return db_mel(fitted(window, spec), spec)
    return features(window, spec)
