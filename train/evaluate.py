"""Run a trained network over a part of its split, and count what it got right, with the uncertainty of few clips."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.measure import metrics
from train.config import Compute
from train.data import Part

if TYPE_CHECKING:
    import tf_keras


def predictions(model: tf_keras.Model, part: Part, compute: Compute) -> dict[str, Any]:
    """Return one part of `predictions.json`: names, labels (class numbers), probabilities rounded to 1e-7."""
    from train.feed import make_feed
    from train.fit import predict_all
    from train.step import make_predict_step

    feed = make_feed(part, compute.device)
    probabilities, _ = predict_all(make_predict_step(model, compute), feed, len(part.labels))
    rounded = np.round(probabilities.astype(np.float64), 7)
    return {"names": list(part.names), "labels": part.labels.tolist(), "probabilities": rounded.tolist()}


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
