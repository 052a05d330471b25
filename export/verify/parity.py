"""Limits: how far the probabilities and labels of an exported file may be from those of its Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inputs import batch_of
from export.keras import Reference
from runtime.engines.load import Engine
from toolkit.artifact.card import Card
from toolkit.artifact.card_sections import AccuracyCard, ParityCard
from toolkit.errors import ArtifactError
from toolkit.measure.metrics import grouped_interval, mcnemar
from toolkit.measure.multi_label import averages, label_scores
from toolkit.measure.temperature import fitted_temperature

MAX_DROP = 1.0
MAX_P = 0.05


class Refused(ArtifactError):
    """A model that does not compute its network; `place` is the number of the input that shows it."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Limits:
    """How far a file may be from Keras.

    `max_abs` is the largest difference of any probability and `cosine` the smallest cosine between two rows of
    probabilities, over all inputs; `agreement` is the smallest share of equal labels on the validation part.
    """

    max_abs: float
    cosine: float
    agreement: float


LIMITS: Mapping[str, Limits] = {
    "float32": Limits(5e-5, 0.99999, 0.99),
    "float16": Limits(0.01, 0.999, 0.97),
    "int16x8": Limits(0.1, 0.99, 0.95),
    "dynamic": Limits(0.2, 0.97, 0.9),
    "mixed": Limits(0.2, 0.97, 0.9),
    "int8": Limits(0.5, 0.8, 0.85),
}
"""By precision. A trained GTZANet comes far nearer, as its files' cards say; deep networks add up more rounding."""


@dataclass(frozen=True)
class Measured:
    """A file's accuracy, its distance from Keras, and the temperature that makes its probabilities fit the labels.

    Of a multi-label network there are `metrics` in the place of an accuracy: "mAP" and "macro_f1".
    """

    accuracy: AccuracyCard | None
    parity: ParityCard
    temperature: float = 1.0
    metrics: dict[str, float] = field(default_factory=dict)


def probabilities_of(engine: Engine, expected: Reference) -> NDArray[np.float32]:
    """Return the model's probabilities for every input, float32 (n + probes, classes)."""
    return np.concatenate([engine.run(batch_of(value)) for value in expected.inputs])


def measure(
    card: Card, probabilities: NDArray[np.float32], expected: Reference, part: str, max_drop: float
) -> Measured:
    """Compare a model's `probabilities`, as `probabilities_of` returns them, with Keras' on a part of the dataset.

    Without labels, its accuracy is not known. An embedding has no bounds: differences are shares of its largest value.

    Raises `Refused` if it does not compute the network: probabilities farther from Keras' than `LIMITS` allow its
    precision, or more than `max_drop` points of accuracy lost, by more than chance (McNemar's test). Of a multi-label
    network, the points are those of macro F1: it is what a user gets at the card's thresholds, and falls where rounding
    shifts scores across them, which mAP, the order of scores, does not notice.
    """
    n = len(expected.labels)
    if card.is_embedding:
        largest = np.float32(np.abs(expected.probabilities).max())
        probabilities = probabilities / largest
        expected = replace(expected, probabilities=expected.probabilities / largest)
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(broken):
        raise Refused(
            f"refused: the {card.precision} model returns values that are not finite on {expected.names[broken[0]]}",
            int(broken[0]),
        )
    compared = expected.real or len(probabilities)
    top1, keras_top1 = (_labels(card, values[:compared]) for values in (probabilities, expected.probabilities))
    agreement = float(np.mean(top1 == keras_top1))
    parity = ParityCard(
        pictures=len(probabilities),
        max_abs=_two_digits(float(np.max(np.abs(probabilities - expected.probabilities)))),
        min_cosine=round(float(_cosines(probabilities, expected.probabilities).min()), 4),
        top1_agreement=agreement,
        keras_correct=0 if card.multi_label else int(expected.right.sum()),
    )
    _check_parity(card.precision, expected, probabilities, agreement, part)
    if not n:
        return Measured(None, parity)
    if card.multi_label:
        _check_f1(card, expected, probabilities, part, max_drop)
        values = _averages(card, probabilities, expected)
        return Measured(None, parity, metrics={name: round(values[name], 4) for name in ("mAP", "macro_f1")})
    _check_accuracy(card, expected, probabilities, part, max_drop)
    correct = int(expected.truth[np.arange(n), top1].sum())
    accuracy = AccuracyCard(part, n, correct, correct / n, grouped_interval(correct, expected.recordings))
    return Measured(accuracy, parity, fitted_temperature(probabilities[:n], expected.labels))


def _labels(card: Card, probabilities: NDArray[np.float32]) -> NDArray[Any]:
    """Return the class of each input, (n,), or of a multi-label network which labels apply, bool (n, labels).

    Of an embedding, it is the number of the input that is nearest, by the cosine.
    """
    if card.is_embedding:
        unit = probabilities / np.maximum(np.linalg.norm(probabilities, axis=1, keepdims=True), 1e-12)
        return np.asarray((unit @ unit.T - 2 * np.eye(len(unit))).argmax(axis=1))
    return probabilities >= np.array(card.thresholds) if card.multi_label else probabilities.argmax(axis=1)


def _averages(card: Card, probabilities: NDArray[np.float32], expected: Reference) -> dict[str, float]:
    return averages(label_scores(probabilities[: len(expected.labels)], expected.truth, card.thresholds))


def _check_parity(
    precision: str, expected: Reference, probabilities: NDArray[np.float32], agreement: float, part: str
) -> None:
    limits = LIMITS[precision]
    distances = np.abs(probabilities - expected.probabilities).max(axis=1)
    cosines = _cosines(probabilities, expected.probabilities)
    farthest, other = int(distances.argmax()), int(cosines.argmin())
    if distances[farthest] > limits.max_abs:
        raise Refused(
            f"refused: the {precision} model is {distances[farthest]:.2g} off Keras in a probability of "
            f"{expected.names[farthest]}, over {limits.max_abs:g}",
            farthest,
        )
    if cosines[other] < limits.cosine:
        raise Refused(
            f"refused: the cosine between the {precision} model's probabilities and Keras' is {cosines[other]:.5f} on "
            f"{expected.names[other]}, under {limits.cosine:g}",
            other,
        )
    if expected.real and agreement < limits.agreement:
        raise Refused(
            f"refused: the {precision} model has Keras' label on {agreement:.1%} of the {part} inputs, under "
            f"{limits.agreement:.0%}; farthest off is {expected.names[farthest]}",
            farthest,
        )


def _check_accuracy(
    card: Card, expected: Reference, probabilities: NDArray[np.float32], part: str, max_drop: float
) -> None:
    n = len(expected.labels)
    right = expected.truth[np.arange(n), probabilities[:n].argmax(axis=1)]
    lost, won, p = mcnemar(expected.right, right)
    if 100 * (lost - won) / n > max_drop and p < MAX_P:
        raise Refused(
            f"refused: the {card.precision} model is right on {int(right.sum())} of {n} {part} inputs, "
            f"Keras on {int(expected.right.sum())}, more than --max-drop {max_drop:g} points fewer "
            f"(McNemar p = {p:.2g}): {_advice(card)}",
            _farthest(probabilities, expected),
        )


def _check_f1(card: Card, expected: Reference, probabilities: NDArray[np.float32], part: str, max_drop: float) -> None:
    n = len(expected.labels)
    f1, keras_f1 = (_averages(card, values, expected)["macro_f1"] for values in (probabilities, expected.probabilities))
    wrong, keras_wrong = (
        (_labels(card, values[:n]) != expected.truth).sum(axis=1) for values in (probabilities, expected.probabilities)
    )
    worse, better, p = mcnemar(wrong > keras_wrong, wrong < keras_wrong)
    if 100 * (keras_f1 - f1) > max_drop and worse > better and p < MAX_P:
        raise Refused(
            f"refused: the {card.precision} model's macro F1 on {n} {part} inputs is {f1:.3f}, Keras' {keras_f1:.3f}, "
            f"more than --max-drop {max_drop:g} points higher; more labels are wrong on {worse} inputs, fewer on "
            f"{better} (sign test p = {p:.2g}): {_advice(card)}",
            _farthest(probabilities, expected),
        )


def _advice(card: Card) -> str:
    hint = "measure its ranges on more inputs with --calibration, " if card.calibration else ""
    tunable = card.quantization == "int8" and not card.fine_tuning and not card.multi_label
    hint += "fine-tune it with --qat, " if tunable else ""
    return f"{hint}{'or ' if hint else ''}use another precision"


def _farthest(probabilities: NDArray[np.float32], expected: Reference) -> int:
    return int(np.abs(probabilities - expected.probabilities).max(axis=1).argmax())


def _cosines(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine between rows of (n, classes) arrays; 0 where a row is all zeros."""
    first, second = one.astype(np.float64), two.astype(np.float64)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.divide((first * second).sum(axis=1), lengths, out=np.zeros(len(first)), where=lengths > 0)


def _two_digits(value: float) -> float:
    """Round to two significant digits: the last bits of a float32 sum depend on the machine."""
    return float(f"{value:.1e}")
