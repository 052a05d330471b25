"""A checkpoint goes back into the model and the optimizer it came from, and into no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import RunError
from train.checkpoint import KINDS, Checkpoint
from train.config import Recipe
from train.networks import Conv, Flatten, Pool, Softmax
from train.schedule import Plateau

pytestmark = pytest.mark.slow

TINY = (Conv(2, 3, 16), Pool(), Flatten(), Softmax())


MODERN = Recipe(optimizer="adamw", averaging=0.1)


def state_and_checkpoint(precision: str, recipe: Recipe = MODERN) -> tuple[tuple[Any, Any, Any], Checkpoint]:
    """Return a model, its averages, its optimizer, and the checkpoint that the loop writes of them."""
    import tf_keras

    from train.build import build
    from train.state import TrainingState
    from train.step import make_optimizer

    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(precision)
    try:
        model = averaged = build(TINY, 3, name="test", twin=True)
        if recipe.averaging:
            averaged = build(TINY, 3, name="averaged", twin=True)
        optimizer = make_optimizer(recipe, precision, model.trainable_variables)
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    saved = TrainingState(model, averaged, optimizer, Plateau(0.1)).checkpoint("run")
    return (model, averaged, optimizer), saved


@pytest.mark.parametrize("recipe", [Recipe(), MODERN])
@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_comes_back_in_every_precision(tmp_path: Path, precision: str, recipe: Recipe) -> None:
    from train.state import TrainingState, _restore

    _, first = state_and_checkpoint(precision, recipe)
    assert bool(first.average) == bool(recipe.averaging)
    first.save(tmp_path)
    loaded = Checkpoint.load(tmp_path)
    parts, other = state_and_checkpoint(precision, recipe)
    assert loaded is not None and not np.array_equal(other.weights[0], first.weights[0])
    _restore(*parts, loaded, tmp_path)
    again = TrainingState(*parts, Plateau(0.1)).checkpoint("run")
    for kind in KINDS:
        for mine, theirs in zip(getattr(first, kind), getattr(again, kind), strict=True):
            assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("damage", ["shape", "type", "fewer weights", "fewer slots", "moved", "no averages"])
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, damage: str) -> None:
    from train.state import _restore

    parts, saved = state_and_checkpoint("float32")
    weights, slots = saved.weights, saved.optimizer
    damaged = {
        "shape": replace(saved, weights=(weights[0][:1], *weights[1:])),
        "type": replace(saved, weights=(weights[0].astype(np.float64), *weights[1:])),
        "fewer weights": replace(saved, weights=weights[:-1]),
        "fewer slots": replace(saved, optimizer=slots[:-1]),
        "moved": replace(saved, weights=weights[:-1], average=(weights[-1], *saved.average)),
        "no averages": replace(saved, average=()),
    }[damage]
    with pytest.raises(RunError, match=r"checkpoint\.npz: damaged checkpoint"):
        _restore(*parts, damaged, tmp_path)
