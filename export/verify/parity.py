"""Gates: an exported file is loaded again through the runtime and compared with the Keras model it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.load import Engine
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import AccuracyCard, ParityCard
from toolkit.errors import ArtifactError
from toolkit.measure.metrics import mcnemar, wilson_interval
from toolkit.measure.temperature import fitted_temperature

MAX_DROP = 1.0
MAX_P = 0.05
BATCH = 8


class Refused(ArtifactError):
    """A model that is not the one it was made from; `picture` is the number of the picture it shows on."""

    def __init__(self, message: str, picture: int) -> None:
        super().__init__(message)
        self.picture = picture


@dataclass(frozen=True)
class Limits:
    """How far a file may be from Keras.

    `max_abs` is the largest difference of any probability and `cosine` the smallest cosine between two rows of
    probabilities, over all pictures; `agreement` is the smallest share of equal labels on the validation part.
    """

    max_abs: float
    cosine: float
    agreement: float


LIMITS: Mapping[str, Limits] = {
    "float32": Limits(1e-5, 0.99999, 0.99),
    "float16": Limits(0.01, 0.999, 0.97),
    "int16x8": Limits(0.1, 0.99, 0.95),
    "dynamic": Limits(0.2, 0.97, 0.9),
    "mixed": Limits(0.2, 0.97, 0.9),
    "int8": Limits(0.5, 0.8, 0.85),
}
"""By precision. A trained GTZANet comes about ten times nearer: its files' cards say how near."""


@dataclass(frozen=True)
class Reference:
    """The Keras model's probabilities for the pictures that its files are compared on.

    Attributes
    ----------
    names
        The name of each picture: the validation part's items, then the probes.
    pictures : ndarray of uint8, shape (n + probes, 288, 432, 3)
    probabilities : ndarray of float32, shape (n + probes, classes)
        Keras' for them.
    labels : ndarray of int64, shape (n,)
        The class numbers of the validation part.
    right : ndarray of bool, shape (n,)
        Whether the run's network gives that class: also where the model is that network, fine-tuned.
    """

    names: tuple[str, ...]
    pictures: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    right: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        pictures: NDArray[np.uint8],
        probabilities: NDArray[np.float32],
        labels: NDArray[np.int64],
    ) -> Reference:
        """Return the reference for files of the run's own network."""
        right = probabilities[: len(labels)].argmax(axis=1) == labels
        return cls(tuple(names), pictures, probabilities, labels, right)


@dataclass(frozen=True)
class Measured:
    """What a file was found to do: how good it is, how near to Keras, and at what temperature it is to be read."""

    accuracy: AccuracyCard
    parity: ParityCard
    temperature: float


def reference(
    model: Any,
    names: Sequence[str],
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probes: Mapping[str, NDArray[np.uint8]],
) -> Reference:
    """Return the Keras model's probabilities for validation `pictures` (n, 288, 432, 3) and `probes`, by name."""
    everything = np.concatenate([pictures, *(picture[np.newaxis] for picture in probes.values())])
    return Reference.of((*names, *probes), everything, _probabilities(model, everything), labels)


def reference_of_tuned(model: Any, expected: Reference) -> Reference:
    """Return the reference for a fine-tuned Keras model: near to it, and as right as the run's own network."""
    return replace(expected, probabilities=_probabilities(model, expected.pictures))


def probabilities_of(engine: Engine, expected: Reference) -> NDArray[np.float32]:
    """Return the model's probabilities for every picture, float32 (n + probes, classes)."""
    return np.concatenate([engine.run(picture[np.newaxis].astype(np.float32)) for picture in expected.pictures])


def measure(
    card: Card, probabilities: NDArray[np.float32], expected: Reference, part: str, max_drop: float
) -> Measured:
    """Compare a model's probabilities with Keras'.

    Parameters
    ----------
    card
        The card of the model.
    probabilities
        The model's, as `probabilities_of` returns them.
    expected
        Keras'.
    part
        Of the dataset, that the pictures with labels are of.
    max_drop
        Points of accuracy that it may lose.

    Raises
    ------
    Refused
        If it is not the model it was made from: probabilities farther from Keras' than `LIMITS` allow its precision,
        or more than `max_drop` points of the pictures lost, by more than chance (McNemar's test).
    """
    n = len(expected.labels)
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(broken):
        raise Refused(
            f"refused: the {card.precision} model gives values that are not finite on {expected.names[broken[0]]}",
            int(broken[0]),
        )
    correct = int(np.sum(probabilities[:n].argmax(axis=1) == expected.labels))
    parity = ParityCard(
        pictures=len(probabilities),
        max_abs=_two_digits(float(np.max(np.abs(probabilities - expected.probabilities)))),
        min_cosine=round(float(_cosines(probabilities, expected.probabilities).min()), 4),
        top1_agreement=float(np.mean(probabilities[:n].argmax(axis=1) == expected.probabilities[:n].argmax(axis=1))),
        keras_correct=int(expected.right.sum()),
    )
    _check_parity(card.precision, expected, probabilities, parity, part)
    _check_accuracy(card, expected, probabilities, part, max_drop)
    accuracy = AccuracyCard(part, n, correct, correct / n, wilson_interval(correct, n))
    return Measured(accuracy, parity, fitted_temperature(probabilities[:n], expected.labels))


def _probabilities(model: Any, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    batches = [
        np.asarray(model(pictures[start : start + BATCH].astype(np.float32), training=False))
        for start in range(0, len(pictures), BATCH)
    ]
    return np.concatenate(batches)


def _check_parity(
    precision: str, expected: Reference, probabilities: NDArray[np.float32], parity: ParityCard, part: str
) -> None:
    limits = LIMITS[precision]
    distances = np.abs(probabilities - expected.probabilities).max(axis=1)
    farthest = int(distances.argmax())
    worst = expected.names[farthest]
    if distances.max() > limits.max_abs:
        raise Refused(
            f"refused: the {precision} model is {distances.max():.2g} off Keras in a probability of {worst}, over "
            f"{limits.max_abs:g}",
            farthest,
        )
    cosines = _cosines(probabilities, expected.probabilities)
    if cosines.min() < limits.cosine:
        raise Refused(
            f"refused: the cosine between the {precision} model's probabilities and Keras' is {cosines.min():.5f} on "
            f"{expected.names[int(cosines.argmin())]}, under {limits.cosine:g}",
            int(cosines.argmin()),
        )
    if parity.top1_agreement < limits.agreement:
        raise Refused(
            f"refused: the {precision} model gives {parity.top1_agreement:.1%} of the {part} pictures Keras' "
            f"label, under {limits.agreement:.0%}; farthest off is {worst}",
            farthest,
        )


def _check_accuracy(
    card: Card, expected: Reference, probabilities: NDArray[np.float32], part: str, max_drop: float
) -> None:
    n = len(expected.labels)
    right = probabilities[:n].argmax(axis=1) == expected.labels
    lost, won, p = mcnemar(expected.right, right)
    if 100 * (lost - won) / n > max_drop and p < MAX_P:
        hint = "give it more pictures with --calibration, " if card.calibration else ""
        hint += "fine-tune it with --qat, " if card.quantization == "int8" and not card.fine_tuning else ""
        hint += "or " if hint else ""
        raise Refused(
            f"refused: the {card.precision} model is right on {int(right.sum())} of {n} {part} pictures, "
            f"Keras on {int(expected.right.sum())}, more than --max-drop {max_drop:g} points fewer "
            f"(McNemar p = {p:.2g}): "
            f"{hint}use another precision",
            int(np.abs(probabilities - expected.probabilities).max(axis=1).argmax()),
        )


def _cosines(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine between rows of (n, classes) arrays; 0 where a row is all zeros."""
    first, second = one.astype(np.float64), two.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.divide((first * second).sum(axis=1), lengths, out=np.zeros(len(first)), where=lengths > 0)


def _two_digits(value: float) -> float:
    """Round to two significant digits: the last bits of a float32 sum depend on the machine."""
    return float(f"{value:.1e}")
