"""Run a trained network over a part of its split, and count what it got right, with the uncertainty of few clips."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.measure import metrics
from train.config import Compute
from train.data import Part

if TYPE_CHECKING:
    import tf_keras


def predictions(model: tf_keras.Model, part: Part, compute: Compute) -> dict[str, Any]:
    """Return one part of `predictions.json`: names, labels (class numbers), probabilities rounded to 1e-7.

    They are the clips'. Where clips have several windows, `windows` holds the same of these, with each one's clip.
    Where clips are takes of one recording, `recordings` names each clip's recording. Where a clip may have several
    labels, each entry of `labels` is a list of class numbers.
    """
    from train.feed import make_feed
    from train.fit import predict_all
    from train.step import make_predict_step

    feed = make_feed(part, compute.device)
    predict = make_predict_step(model, compute, multi_label=part.labels.ndim == 2)
    by_window, _ = predict_all(predict, feed, len(part.labels))
    value = {"names": list(part.names), **_rounded(part.clip_labels, part.clip_means(by_window))}
    if part.has_long_clips:
        value["windows"] = {"clips": part.clips.tolist(), **_rounded(part.labels, by_window)}
    if len(set(part.recordings)) < len(part.names):
        value["recordings"] = list(part.recordings)
    return value


def _rounded(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    numbers = labels.tolist() if labels.ndim == 1 else [np.flatnonzero(row).tolist() for row in labels]
    return {"labels": numbers, "probabilities": np.round(probabilities.astype(np.float64), 7).tolist()}


def measure_parts(predicted: dict[str, dict[str, Any]], classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the metrics of the parts of `predictions.json`."""
    return {name: measure(part, classes) for name, part in predicted.items()}


def measure(part: dict[str, Any], classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the metrics of one part of `predictions.json`.

    Keys: n, correct, accuracy, wald95 and wilson95 ([low, high]), top5 (true top-5 accuracy), blues_in_top5 (what the
    paper called its top-5: how often class 0 is among the five highest scores), confusion (rows true, columns
    predicted) and per_class. They count clips. Where clips have several windows, `windows` holds the first three and
    the confusion of these.

    Where clips are takes of one recording, `recordings` is {"n": recordings, "effective_n": E}, and the intervals are
    those of E clips (see `toolkit.measure.metrics.effective_count`).
    """
    probabilities, labels = np.array(part["probabilities"]), np.array(part["labels"])
    counts = _counts(part, len(classes))
    n, correct = counts["n"], counts["correct"]
    sizes = Counter(part.get("recordings", range(n))).values()
    effective = metrics.effective_count(sizes)
    k = min(effective, correct * effective / n)
    measured = {
        **counts,
        "wald95": list(metrics.wald_interval(k, effective)),
        "wilson95": list(metrics.wilson_interval(k, effective)),
        "top5": metrics.top_k_accuracy(probabilities, labels, min(5, len(classes))),
        "blues_in_top5": metrics.blues_in_top5(probabilities),
        "per_class": {name: asdict(score) for name, score in metrics.per_class(counts["confusion"], classes).items()},
    }
    if "windows" in part:
        measured["windows"] = _counts(part["windows"], len(classes))
    if "recordings" in part:
        measured["recordings"] = {"n": len(sizes), "effective_n": round(effective, 1)}
    return measured


def _counts(part: dict[str, Any], classes: int) -> dict[str, Any]:
    """Return n, correct, accuracy and confusion."""
    labels, predicted = np.array(part["labels"]), np.array(part["probabilities"]).argmax(1)
    n, correct = len(labels), int((predicted == labels).sum())
    confusion = metrics.confusion_matrix(labels, predicted, classes).tolist()
    return {"n": n, "correct": correct, "accuracy": correct / n, "confusion": confusion}
