"""Golden samples: what a model file returns for synthetic inputs, recorded on its card and compared on a device."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.engines.load import Engine
from runtime.preprocess import arranged
from toolkit.artifact.card import Card, input_shape
from toolkit.artifact.card_sections import GoldenCard, GoldenSample
from toolkit.artifact.golden import golden_input, value_range

COUNT, CANDIDATES = 4, 16
"""Samples on a card, and seeds they are chosen from."""
_DIGITS = 6
_FLOAT = 5e-5
TOLERANCES = {
    "float32": _FLOAT,
    "float16": _FLOAT,
    "int16x8": 2e-4,
    "dynamic": 1e-3,
    "mixed": 1.5e-3,
    "int8": 1.5 / 256,
}
"""How far an output may be from the golden one, by precision.

Engines add float32 numbers in different orders, and a dynamic range that differs in its last bit may round one value
otherwise. Whole numbers are the same in every engine: an int8 output may be one step off, and no two.
"""


def golden_samples(engine: Engine) -> GoldenCard:
    """Return golden samples of a loaded model: those of its candidates whose outputs say most about its weights.

    An output near 0 or 1 hardly changes when a weight does, so that of each level (seeds that have the same rest by
    4) the seed is chosen with the largest sum of p (1 - p); of an embedding, with the largest variance.
    """
    low, high = value_range(engine.card.front_end, engine.card.input_level)
    outputs = {seed: _output(engine, low, high, seed) for seed in range(CANDIDATES)}
    measure = np.var if engine.card.is_embedding else _unsure
    spread = {seed: round(float(measure(output)), 3) for seed, output in outputs.items()}
    seeds = [max(range(rest, CANDIDATES, COUNT), key=lambda seed: spread[seed]) for rest in range(COUNT)]
    samples = (GoldenSample(seed, tuple(round(float(value), _DIGITS) for value in outputs[seed])) for seed in seeds)
    return GoldenCard(low, high, tuple(samples))


def _unsure(probabilities: NDArray[np.float64]) -> float:
    return float(np.sum(probabilities * (1 - probabilities)))


def tolerance(card: Card) -> float:
    """Return how far an output may be from the golden one on another machine or engine.

    An embedding has no bounds: there, it is a share of the largest golden value above 1.
    """
    limit = TOLERANCES[card.precision]
    if card.is_embedding and card.golden:
        limit *= max(1.0, *(abs(value) for sample in card.golden.samples for value in sample.output))
    return max(limit, 1.5 * card.output.scale) if card.output.scale else limit


def golden_distance(engine: Engine, golden: GoldenCard) -> float:
    """Return the largest difference between an output of a loaded model and the golden one."""
    outputs = [_output(engine, golden.low, golden.high, sample.seed) for sample in golden.samples]
    expected = np.array([sample.output for sample in golden.samples])
    return float(np.abs(np.stack(outputs) - expected).max())


def _output(engine: Engine, low: float, high: float, seed: int) -> NDArray[np.float64]:
    card = engine.card
    shape = input_shape(card.front_end, card.input_level)[1:]
    whole = card.input_level in ("picture", "grid") and card.front_end.layout != "grid"
    value = arranged(golden_input(shape, low, high, seed, whole=whole), card)
    return np.asarray(engine.run(value[np.newaxis])[0], np.float64)
