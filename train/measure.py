"""Count what a network got right on a part of its split, with the uncertainty that so few clips leave."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from toolkit.measure import metrics


def measure(part: dict[str, Any], classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the metrics of one part of `predictions.json`.

    Keys: n, correct, accuracy, wald95 and wilson95 ([low, high]), top5 (true top-5 accuracy), blues_in_top5 (what the
    paper called its top-5: how often class 0 is among the five highest scores), confusion (rows true, columns
    predicted) and per_class.
    """
    probabilities, labels = np.array(part["probabilities"]), np.array(part["labels"])
    predicted = probabilities.argmax(1)
    n, correct = len(labels), int((predicted == labels).sum())
    confusion = metrics.confusion_matrix(labels, predicted, len(classes))
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        "wald95": list(metrics.wald_interval(correct, n)),
        "wilson95": list(metrics.wilson_interval(correct, n)),
        "top5": metrics.top_k_accuracy(probabilities, labels, min(5, len(classes))),
        "blues_in_top5": metrics.blues_in_top5(probabilities),
        "confusion": confusion.tolist(),
        "per_class": {name: asdict(score) for name, score in metrics.per_class(confusion, classes).items()},
    }
