"""Run a trained network over a part of its split."""

from __future__ import annotations

from typing import Any

import numpy as np
import tf_keras

from train.config import Compute
from train.feed import make_feed
from train.fit import predict_all
from train.part import Part
from train.step import make_predict_step


def predictions(model: tf_keras.Model, part: Part, compute: Compute) -> dict[str, Any]:
    """Return one part of `predictions.json`: names, labels (class numbers), probabilities rounded to 1e-7."""
    feed = make_feed(part, compute.device)
    probabilities, _ = predict_all(make_predict_step(model, compute), feed, len(part.labels))
    rounded = np.round(probabilities.astype(np.float64), 7)
    return {"names": list(part.names), "labels": part.labels.tolist(), "probabilities": rounded.tolist()}
