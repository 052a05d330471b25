"""A checkpoint goes back into the model and the optimizer it came from, and into no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import RunError
from train.checkpoint import Checkpoint
from train.config import Recipe
from train.networks import Conv, Flatten, Pool, Softmax
from train.schedule import Plateau

pytestmark = pytest.mark.slow

TINY = (Conv(2, 3, 16), Pool(), Flatten(), Softmax())


def model_and_checkpoint(precision: str) -> tuple[Any, Any, Checkpoint]:
    """Return a model, its optimizer and the checkpoint that the loop writes of them."""
    import tf_keras

    from train.build import build
    from train.state import _slots
    from train.step import make_optimizer

    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(precision)
    try:
        model = build(TINY, 3, name="test", twin=True)
        optimizer = make_optimizer(Recipe(), precision)
        optimizer.build(model.trainable_variables)
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)
    slots = tuple(value.numpy() for value in _slots(optimizer))
    return model, optimizer, Checkpoint("run", 0, Plateau(0.1), (), tuple(model.get_weights()), slots)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_comes_back_in_every_precision(tmp_path: Path, precision: str) -> None:
    from train.state import _restore, _slots

    _, _, first = model_and_checkpoint(precision)
    first.save(tmp_path)
    loaded = Checkpoint.load(tmp_path)
    model, optimizer, _ = model_and_checkpoint(precision)
    assert loaded is not None
    _restore(model, optimizer, loaded, tmp_path)
    values = [*model.get_weights(), *(value.numpy() for value in _slots(optimizer))]
    for mine, theirs in zip((*first.weights, *first.optimizer), values, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("damage", ["shape", "type", "fewer weights", "fewer slots", "moved"])
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, damage: str) -> None:
    from train.state import _restore

    model, optimizer, saved = model_and_checkpoint("float32")
    weights, slots = saved.weights, saved.optimizer
    damaged = {
        "shape": replace(saved, weights=(weights[0][:1], *weights[1:])),
        "type": replace(saved, weights=(weights[0].astype(np.float64), *weights[1:])),
        "fewer weights": replace(saved, weights=weights[:-1]),
        "fewer slots": replace(saved, optimizer=slots[:-1]),
        "moved": replace(saved, weights=weights[:-1], optimizer=(weights[-1], *slots)),
    }[damage]
    with pytest.raises(RunError, match=r"checkpoint\.npz: damaged checkpoint"):
        _restore(model, optimizer, damaged, tmp_path)
