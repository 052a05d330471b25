"""How well a head tells sounds of a class that it was never trained on: each class in turn."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.measure.metrics import area_under_roc
from toolkit.measure.temperature import at_temperature, fitted_temperature
from train.backbones.head import Fit, Head, measured_heads
from train.confidence import Unknown, least_confidence
from train.data import Dataset, Part, items_of


def check_held_out(dataset: Dataset) -> None:
    """Raise `UsageError` where there are two classes, or the held-out clips are of one: nothing is compared then."""
    if len(dataset.index.classes) < 3:
        raise UsageError("--hold-out-classes leaves one class of the two: leave the flag out")
    labels = {item.label for item in items_of(dataset, dataset.split.test or dataset.split.validation)}
    if len(labels) == 1:
        raise UsageError(f"--hold-out-classes: all held-out clips are of class {labels.pop()}: add clips of others")


def held_out_classes(
    training: Part, parts: dict[str, Part], head: Head, predicted: dict[str, Any], window_seconds: float
) -> dict[str, Any]:
    """Return the entries `unknown` and `min_confidence` of `metrics.json`, as `train.confidence.measured` does.

    For each class, a head of the kind that was chosen is fitted to the training clips of all others, and the class's
    clips are the unknown ones. AUROC is the mean over the classes; temperature and confidence are the whole head's.
    """
    part, validation = "test" if "test" in parts else "validation", predicted["validation"]
    temperature = fitted_temperature(validation["probabilities"], validation["labels"])
    least = least_confidence(at_temperature(validation["probabilities"], temperature), validation["labels"])
    held_out, areas, alarms, windows = parts[part], [], 0, 0
    for label in np.unique(training.clip_labels):
        scores = _without(training, int(label), head, held_out, temperature)
        clips = held_out.clip_means(scores)
        sure, is_unknown = clips.max(1), held_out.clip_labels == label
        if not is_unknown.any():
            continue
        areas.append(area_under_roc(sure[~is_unknown], sure[is_unknown]))
        others = scores[held_out.labels == label].max(1)
        alarms, windows = alarms + int((others >= least).sum()), windows + len(others)
    own = at_temperature(predicted[part]["probabilities"], temperature)
    right = own.max(1)[own.argmax(1) == held_out.clip_labels]
    hours = windows * window_seconds / 3600
    unknown = Unknown(
        source="held-out classes",
        part=part,
        n=len(held_out.names),
        unknown=len(held_out.names),
        hours=hours,
        auroc=float(np.mean(areas)),
        kept=float((right >= least).mean()) if len(right) else 0.0,
        false_alarms=alarms / hours,
        without=windows / hours,
    )
    return {"unknown": asdict(unknown), "min_confidence": least}


def _without(training: Part, label: int, head: Head, held_out: Part, temperature: float) -> np.ndarray:
    """Return the probabilities (windows, classes - 1) of a head that knows all classes but one."""
    rest = training.of_clips(np.flatnonzero(training.clip_labels != label))
    rest = replace(rest, clip_labels=rest.clip_labels - (rest.clip_labels > label))
    count = len(np.unique(rest.clip_labels))
    fits = Fit.of(rest, count).heads((head.chosen.strength,), head.chosen.hidden)
    (other,) = measured_heads(fits, rest, rest)
    return at_temperature(other.probabilities(held_out.values), temperature)
