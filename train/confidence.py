"""What a network's probabilities are worth: calibration, and sounds of none of the classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.measure.metrics import area_under_roc, calibration_error
from toolkit.measure.temperature import at_temperature, fitted_temperature

MOST = 0.99
"""No confidence above it is chosen: rounding must not decide what is unknown."""
KEPT = 0.95
"""The share of rightly labelled validation clips that keep their label at the chosen confidence."""


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error of a part, and at the temperature that suits the validation part."""

    part: str
    temperature: float
    ece: float
    ece_calibrated: float


@dataclass(frozen=True)
class Unknown:
    """How well the largest probability tells sounds of the classes from others, on one part.

    Attributes
    ----------
    source
        What the others are: the class of `--negatives`, or "held-out classes".
    auroc
        The probability that a clip of the classes has a larger one than another clip.
    kept
        The share of rightly labelled clips that reach `min_confidence`.
    false_alarms, without
        How many windows an hour of other sounds get a label there, and with no such limit.
    """

    source: str
    part: str
    n: int
    unknown: int
    hours: float
    auroc: float
    kept: float
    false_alarms: float
    without: float


def measured(
    predicted: dict[str, Any], classes: Sequence[str], background: str | None, window_seconds: float
) -> dict[str, Any]:
    """Return entries of `metrics.json`: `calibration`, and where a class `background` is, `unknown`, `min_confidence`.

    Everything is chosen on the validation part and measured on the test part where there is one. The confidence is
    chosen so that `KEPT` of the clips that are labelled rightly keep their label, whatever the other sounds are.
    """
    part = "test" if "test" in predicted else "validation"
    validation, held_out = predicted["validation"], predicted[part]
    labels = np.array(held_out["labels"])
    temperature = fitted_temperature(validation["probabilities"], validation["labels"])
    errors = [calibration_error(at_temperature(held_out["probabilities"], at), labels) for at in (1.0, temperature)]
    result: dict[str, Any] = {"calibration": asdict(Calibration(part, temperature, *errors))}
    at = classes.index(background) if background in classes else -1
    if at not in labels:
        return result
    least = least_confidence(at_temperature(validation["probabilities"], temperature), validation["labels"], at)
    clips = at_temperature(held_out["probabilities"], temperature)
    by_window = held_out.get("windows", held_out)
    windows = at_temperature(by_window["probabilities"], temperature)[np.array(by_window["labels"]) == at]
    unknown = figures(classes[at], part, clips, labels, windows, least, window_seconds, at)
    return result | {"unknown": asdict(unknown), "min_confidence": least}


def least_confidence(probabilities: ArrayLike, labels: ArrayLike, background: int = -1) -> float:
    """Return the probability that `KEPT` of the rightly labelled clips reach: whole hundredths, at most `MOST`.

    `probabilities` is (clips, classes), `labels` (clips,). Clips of the class `background` do not count.
    """
    values, truth = np.asarray(probabilities), np.asarray(labels)
    right = (values.argmax(1) == truth) & (truth != background)
    if not right.any():
        return 0.0
    least = float(np.quantile(values.max(1)[right], 1 - KEPT, method="lower"))
    return min(MOST, math.floor(100 * least) / 100)


def figures(
    source: str,
    part: str,
    clips: NDArray[np.float64],
    labels: NDArray[np.int64],
    windows: NDArray[np.float64],
    least: float,
    window_seconds: float,
    background: int,
) -> Unknown:
    """Return the figures of clips (n, classes), whose label is `background` where they are of none of the classes.

    `windows` (m, classes) are those of such clips alone.
    """
    others = [column for column in range(clips.shape[1]) if column != background]
    scores, is_known = clips[:, others].max(1), labels != background
    right = is_known & (clips.argmax(1) == labels)
    hours = len(windows) * window_seconds / 3600
    alarms = windows.max(1)[windows.argmax(1) != background]
    return Unknown(
        source=source,
        part=part,
        n=int(is_known.sum()),
        unknown=int((~is_known).sum()),
        hours=hours,
        auroc=area_under_roc(scores[is_known], scores[~is_known]),
        kept=float((scores[right] >= least).mean()) if right.any() else 0.0,
        false_alarms=float((alarms >= least).sum()) / hours,
        without=len(alarms) / hours,
    )


def summary(result: dict[str, Any]) -> list[str]:
    """Return a sentence on each of the entries of `metrics.json` that `measured` returned, without a full stop."""
    sentences = []
    if calibration := result.get("calibration"):
        errors = "{ece:.3f}, {ece_calibrated:.3f} at temperature {temperature:g}".format(**calibration)
        sentences.append(f"{calibration['part']}: expected calibration error {errors}")
    if unknown := result.get("unknown"):
        counts = "{unknown} clips ({source}) against {n} of the classes".format(**unknown)
        hours = unknown["hours"]
        heard = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"
        alarms = "{false_alarms:.0f} false alarms an hour of such sound ({without:.0f} without it)".format(**unknown)
        sentences.append(
            f"{unknown['part']}, unknown sounds: AUROC {unknown['auroc']:.3f}, {counts}; from a probability of "
            f"{result['min_confidence']:g} on, which the model file states, {unknown['kept']:.1%} of the right "
            f"labels stay, with {alarms}, of which {heard} were heard"
        )
    return sentences
