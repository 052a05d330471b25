"""What a model is given: the picture of a sound, its mel spectrogram, or the sound itself, as its card says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.card import Card
from toolkit.frontend.picture import render
from toolkit.frontend.spectrogram import db_mel
from toolkit.frontend.windows import fitted


def model_input(window: NDArray[np.float32], card: Card) -> NDArray[np.float32]:
    """Return one window of sound as a model takes it.

    Parameters
    ----------
    window : ndarray of float32, shape (n,)
        Mono sound at the card's sample rate, one of `toolkit.frontend.windows.split_windows`.
    card
        The model's.

    Returns
    -------
    ndarray of float32, of the shape of the model's input without its first side
        A picture (288, 432, 3) of pixel values 0..255, decibels (n_mels, frames), or samples (n,).

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
    return render(window, spec).astype(np.float32)
