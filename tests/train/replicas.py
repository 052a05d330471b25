"""Compare steps of three replicas with those of one, in a process of its own, and print the differences as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from train import edgenet
from train.config import Compute, Recipe
from train.device import prepare
from train.networks import Conv, Dropout, Flatten, Pool, Softmax

REPLICAS, CLASSES, STEPS = 3, 3, 2
TABLE = (Conv(4, 3, 16), Pool(), Flatten(), Dropout(0.3), Softmax())
CASES: dict[str, dict[str, Any]] = {
    "table": {},
    "table, a replica idle": {"items": 2},
    "table, 16 bits": {"precision": "mixed_float16"},
    "batch norm, mixup, averages": {"grid": True},
    "batch norm, a replica idle": {"grid": True, "items": 2},
    "batch norm, several labels": {"grid": True, "multi_label": True},
}


def results(
    shared: bool, *, grid: bool = False, items: int = 7, precision: str = "float32", multi_label: bool = False
) -> tuple[list[np.ndarray], int]:
    """Return what steps move and predict, and how many sums of more than two values the step has."""
    import tensorflow as tf
    import tf_keras

    from train.augment.examples import Examples
    from train.augment.labels import Mixup
    from train.build import build
    from train.built import built_model
    from train.distribute import strategy_of
    from train.step import Averages, make_optimizer, make_predict_step, make_train_step

    compute = Compute("cpu", precision, 1, 1 if grid else 4, "mirrored", REPLICAS)
    strategy = strategy_of(compute) if shared else None
    tf_keras.mixed_precision.set_global_policy(precision)
    tf_keras.utils.set_random_seed(3)
    shape = (32, 20, 1) if grid else (288, 432, 3)

    def make() -> Any:
        if grid:
            return built_model("edgenet", edgenet.build, shape, CLASSES, twin=True, shared=shared)
        return build(TABLE, CLASSES, name="test", twin=True)

    model, averaged = make(), make()
    averaged.set_weights(model.get_weights())
    optimizer = make_optimizer(Recipe(learning_rate=0.1), precision, model.trainable_variables)
    rng = np.random.default_rng(1)
    values = rng.normal(-40, 15, (items, *shape)) if grid else rng.integers(0, 256, (items, *shape))
    labels = rng.integers(0, 2, (items, CLASSES)) if multi_label else rng.integers(0, CLASSES, items)
    batch = (
        tf.constant(values, tf.float32 if grid else tf.uint8),
        tf.constant(labels, tf.float32 if multi_label else tf.int32),
    )
    step: Any = make_train_step(
        model,
        optimizer,
        compute,
        prepare=Examples(CLASSES, None, Mixup(0.4), 0.1) if grid else None,
        averages=Averages(averaged, 10) if grid else None,
        class_weights=np.array([0.5, 1, 2], np.float32) if not multi_label else None,
        multi_label=multi_label,
        strategy=strategy,
    )
    before = model.get_weights()
    figures = [np.array(step(*batch, tf.constant((5, number), tf.int32))) for number in range(STEPS)]
    moved = [after - start for after, start in zip(model.get_weights(), before, strict=True)]
    if grid:
        moved += averaged.get_weights()
    predict: Any = make_predict_step(model, compute, multi_label=multi_label, strategy=strategy)
    predicted = [result.numpy() for result in predict(*batch)]
    operations = step.get_concrete_function(*batch, tf.constant((5, 0), tf.int32)).graph.get_operations()
    long_sums = [each for each in operations if "Add" in each.type and len(each.inputs) > 2]
    return [*figures, *moved, *predicted], len(long_sums)


if __name__ == "__main__":
    prepare("cpu", Compute("cpu", "float32", 1, 4, "mirrored", REPLICAS))
    report = {}
    for name, case in CASES.items():
        (one, few), (three, long_sums) = results(False, **case), results(True, **case)
        pairs = list(zip(one, three, strict=True))
        differences = [np.abs(mine - theirs).max() / max(np.abs(mine).max(), 1e-2) for mine, theirs in pairs]
        moves = sum(bool(np.abs(mine).max() > 1e-4) for mine, _ in pairs)
        report[name] = {"difference": float(max(differences)), "moves": moves, "long_sums": long_sums - REPLICAS * few}
    print(json.dumps(report))
