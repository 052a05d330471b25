"""Rare classes count as much as frequent ones, where a run says so or the counts differ much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from train.config import Compute, Recipe
from train.report import part_notes

LABELS = np.array([0, 0, 0, 0, 1, 2], np.int32)


def loss_and_bias(class_weights: Any, *, soft: bool = False, shards: int = 1) -> tuple[float, np.ndarray]:
    """Return the loss of a step on `LABELS` and the bias after it, which is minus the gradient at a rate of 1."""
    import tensorflow as tf
    import tf_keras

    from train.step import make_train_step

    values = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3, activation="softmax")])
    optimizer = tf_keras.optimizers.SGD(1.0)

    def one_hot(values: Any, labels: Any, _: Any) -> Any:
        return values, tf.one_hot(labels, 3)

    weights = None if class_weights is None else np.array(class_weights, np.float32)
    step = make_train_step(
        model,
        optimizer,
        Compute("cpu", "float32", 1, shards),
        prepare=one_hot if soft else None,
        class_weights=weights,
    )
    loss, correct = step(tf.constant(values), tf.constant(LABELS), np.array((0, 0), np.int32))
    assert 0 <= float(correct) <= 6
    return float(loss), model.get_weights()[1]


@pytest.mark.slow
def test_the_loss_of_an_item_is_weighed_by_its_class() -> None:
    alone = [loss_and_bias([float(k == label) for k in range(3)]) for label in range(3)]
    weights = (0.5, 2.0, 3.0)
    for loss, bias in (
        loss_and_bias(weights),
        loss_and_bias(weights, soft=True),
        loss_and_bias(weights, shards=2),
    ):
        assert loss == pytest.approx(sum(w * part for w, (part, _) in zip(weights, alone, strict=True)), rel=1e-5)
        assert bias == pytest.approx(sum(w * part for w, (_, part) in zip(weights, alone, strict=True)), abs=1e-5)
    assert loss_and_bias(None)[0] == pytest.approx(loss_and_bias((1, 1, 1))[0], rel=1e-6)


@pytest.mark.slow
def test_balanced_weights_make_classes_count_alike() -> None:
    from train.fit import balanced

    weights = balanced(LABELS, 3)
    assert weights.dtype == np.float32 and weights.tolist() == [0.5, 2, 2]
    assert weights[LABELS].mean() == 1
    assert np.isfinite(balanced(LABELS, 4)).all()


@pytest.mark.slow
def test_a_run_weighs_as_its_recipe_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from tests.train.test_config import make_config
    from train import fit

    class Enough(Exception):
        pass

    seen: list[Any] = []

    def stop(*_: Any, class_weights: Any, **__: Any) -> None:
        seen.append(class_weights)
        raise Enough

    class Labelled:
        labels, clips = LABELS, np.arange(len(LABELS))

    monkeypatch.setattr(fit, "make_train_step", stop)
    part: Any = Labelled()
    for recipe in (Recipe(), Recipe(class_weights="balanced")):
        with pytest.raises(Enough):
            fit.fit(make_config(recipe=recipe, classes=("a", "b", "c")), part, part, tmp_path, lambda _: None)
    assert seen[0] is None and seen[1].tolist() == [0.5, 2, 2]


def test_means_over_classes_leave_out_those_without_clips() -> None:
    scores = {
        name: {"f1": f1, "recall": recall, "n": n} for name, f1, recall, n in (("a", 0.5, 0.25, 9), ("b", 1, 1, 1))
    }
    empty = {"c": {"f1": 0.0, "recall": 0.0, "n": 0}}
    assert part_notes({"per_class": scores | empty}) == ["macro F1 0.7500, balanced accuracy 0.6250"]
