"""Gates: an exported file is loaded again through the runtime and compared with the Keras model it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines import Engine
from toolkit.card import AccuracyCard, ParityCard
from toolkit.errors import ArtifactError
from toolkit.metrics import mcnemar, wilson_interval

FLOAT32_MAX_ABS = 1e-5
FLOAT16_MAX_ABS = 0.01
MAX_DROP = 1.0
MAX_P = 0.05
NOISE_SEED = 1
NOISE_PICTURES = 4
FLAT_VALUES = (0, 127, 255)
BATCH = 16

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Reference:
    """What the Keras model says.

    `pictures` are uint8 (n + extra, 288, 432, 3), `probabilities` Keras' for them, float32 (n + extra, classes), and
    `labels` the class numbers of the first n.
    """

    pictures: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """What a file was found to do: how good it is, and how near to Keras."""

    accuracy: AccuracyCard
    parity: ParityCard


def extra_pictures(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return pictures of noise and of one colour, uint8 (n, *shape), which no dataset has."""
    rng = np.random.default_rng(NOISE_SEED)
    noise = rng.integers(0, 256, (NOISE_PICTURES, *shape), dtype=np.uint8)
    flat = np.stack([np.full(shape, value, np.uint8) for value in FLAT_VALUES])
    return np.concatenate([noise, flat])


def reference(model: Any, pictures: NDArray[np.uint8], labels: NDArray[np.int64]) -> Reference:
    """Return the Keras model's probabilities for validation `pictures` (n, 288, 432, 3) and the extra ones."""
    everything = np.concatenate([pictures, extra_pictures(pictures.shape[1:])])
    batches = [
        np.asarray(model(everything[start : start + BATCH].astype(np.float32), training=False))
        for start in range(0, len(everything), BATCH)
    ]
    return Reference(everything, np.concatenate(batches), labels)


def measure(engine: Engine, expected: Reference, part: str, max_drop: float = MAX_DROP) -> Measured:
    """Run every picture of `expected` through `engine` and compare.

    Raises
    ------
    ArtifactError
        If the file is not the model it was made from: float32 or float16 probabilities too far from Keras', or more
        than `max_drop` points of the validation pictures lost, by more than chance (McNemar's test).
    """
    found = np.concatenate([engine.run(picture[np.newaxis].astype(np.float32)) for picture in expected.pictures])
    n = len(expected.labels)
    correct = int(np.sum(found[:n].argmax(axis=1) == expected.labels))
    low, high = wilson_interval(correct, n)
    parity = ParityCard(
        pictures=len(found),
        max_abs=_two_digits(float(np.max(np.abs(found - expected.probabilities)))),
        top1_agreement=float(np.mean(found[:n].argmax(axis=1) == expected.probabilities[:n].argmax(axis=1))),
        keras_correct=int(np.sum(expected.probabilities[:n].argmax(axis=1) == expected.labels)),
    )
    _check(engine, expected, found, parity, max_drop)
    return Measured(AccuracyCard(part, n, correct, correct / n, (low, high)), parity)


def _check(
    engine: Engine, expected: Reference, found: NDArray[np.float32], parity: ParityCard, max_drop: float
) -> None:
    """Raise `ArtifactError` where the file is not the model it was made from."""
    precision = engine.card.precision
    if not np.isfinite(found).all():
        raise ArtifactError("refused: the converted model gives values that are not finite")
    limit = {"float32": FLOAT32_MAX_ABS, "float16": FLOAT16_MAX_ABS}.get(precision)
    if limit is not None and parity.max_abs > limit:
        raise ArtifactError(
            f"refused: the {precision} model is {parity.max_abs:g} off Keras in a probability, over {limit:g}"
        )
    n = len(expected.labels)
    keras_right = expected.probabilities[:n].argmax(axis=1) == expected.labels
    right = found[:n].argmax(axis=1) == expected.labels
    lost, won, p = mcnemar(keras_right, right)
    if 100 * (lost - won) / n > max_drop and p < MAX_P:
        hint = "give it more pictures with --calibration, or " if engine.card.calibration else ""
        raise ArtifactError(
            f"refused: the {precision} model is right on {int(right.sum())} of {n} validation pictures, Keras on "
            f"{int(keras_right.sum())}, more than --max-drop {max_drop:g} points fewer (McNemar p = {p:.2g}): "
            f"{hint}use another precision"
        )


def _two_digits(value: float) -> float:
    """Round to two significant digits: the last bits of a float32 sum depend on the machine."""
    return float(f"{value:.1e}")
