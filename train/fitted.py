"""From a dataset to a trained network, which every worker of a run does alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.frontend.spec import FrontEnd
from train.config import RunConfig
from train.crops import load_training
from train.data import Dataset, Listener, Part
from train.notices import window_notices

if TYPE_CHECKING:
    import tf_keras


def fitted(
    config: RunConfig, dataset: Dataset, folder: Path, cache: Path | None, listener: Listener
) -> tuple[dict[str, Part], tf_keras.Model, list[dict[str, Any]]]:
    """Return the parts that are measured, the trained model, and its history (see `train.fit.fit`).

    Raises `RunError` where another worker of the run is lost.
    """
    from train.distribute import watched
    from train.fit import fit

    spec = FrontEnd.from_dict(config.front_end)
    parts = load_training(dataset, config.recipe, spec, cache, listener.steps)
    for sentence in window_notices(parts, spec, config.recipe.crops):
        listener.notice(sentence)
    with watched(config.compute):
        model, history = fit(config, parts.pop("train"), parts["validation"], folder, listener)
    return parts, model, history
