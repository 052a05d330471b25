"""Temperature scaling: probabilities that mean what they say (Guo et al., 2017, "On Calibration of Modern Neural
Networks").

A network that was trained to the end is surer than it is right. Dividing the logarithms of its probabilities by one
number, the temperature, leaves the order of the classes as it is and makes them as sure as the network is right on
average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.artifact.card import TEMPERATURES

FLOOR = 1e-6
"""Probabilities below it count as it: an integer network's smallest one is 0."""
_STEPS = 100


def at_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return the softmax of log(probabilities) / temperature along the last axis, float64 of the same shape.

    Parameters
    ----------
    probabilities
        (..., classes), not negative.
    temperature
        1 changes nothing, more makes less sure, less surer.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if temperature == 1:
        return values
    scaled = np.log(np.maximum(values, FLOOR)) / temperature
    scaled = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True))


def fitted_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature that makes the true classes most probable, within `TEMPERATURES`, in steps of 0.01.

    The mean negative logarithm of the true class' probability is convex in 1 / temperature; its minimum is found by
    ternary search.

    Parameters
    ----------
    probabilities
        (n, classes) of pictures that the network was not trained on.
    labels
        (n,) their true class numbers.
    """
    values, truth = np.asarray(probabilities, np.float64), np.asarray(labels)

    def loss(inverse: float) -> float:
        true_probabilities = at_temperature(values, 1 / inverse)[np.arange(len(truth)), truth]
        return float(-np.mean(np.log(np.maximum(true_probabilities, np.finfo(float).tiny))))

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(_STEPS):
        third = (high - low) / 3
        if loss(low + third) <= loss(high - third):
            high -= third
        else:
            low += third
    return round(2 / (low + high), 2)
