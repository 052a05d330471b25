"""What a recipe makes of examples: nothing where it asks for nothing, and no gain that the front end removes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from toolkit.frontend.presets import PRESETS
from train.config import AUGMENTS, Recipe

pytestmark = pytest.mark.slow

GRID = replace(PRESETS["log-mel"], reference="one", window_seconds=1.0)


def batch(items: int = 4) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    values = np.random.default_rng(1).uniform(-1, 1, (items, *GRID.shape)).astype(np.float32)
    return tf.constant(values), tf.constant(np.arange(items), tf.int32), tf.constant((5, 6))


def test_the_papers_recipe_leaves_examples_as_they_are() -> None:
    from train.augment.examples import Examples

    values, labels, seed = batch()
    same, truth = Examples.of(Recipe(), PRESETS["gtzan-picture"], 4)(values, labels, seed)
    assert same is values and truth is labels


def test_smoothing_without_mixup_keeps_values_and_the_heaviest_class() -> None:
    from train.augment.examples import Examples

    values, labels, seed = batch()
    same, soft = Examples.of(Recipe(label_smoothing=0.3), GRID, 4)(values, labels, seed)
    assert same is values
    assert np.allclose(soft.numpy(), np.full((4, 4), 0.075) + 0.7 * np.eye(4))


def test_every_part_has_random_numbers_of_its_own() -> None:
    from train.augment.examples import Examples

    values, labels, seed = batch()
    augmented, _ = Examples.of(Recipe(augment="strong"), GRID, 4)(values, labels, seed)
    both, soft = Examples.of(Recipe(augment="strong", mixup=0.4), GRID, 4)(values, labels, seed)
    _, alone = Examples.of(Recipe(mixup=0.4), GRID, 4)(values, labels, seed)
    assert not np.array_equal(augmented, values)
    assert np.array_equal(soft, alone)
    weights = soft.numpy()[np.arange(4), labels.numpy()].reshape(-1, 1, 1, 1)
    assert np.allclose(both, weights * augmented + (1 - weights) * np.roll(augmented, 1, 0), atol=1e-5)


def test_presets_have_the_names_of_the_flag_and_drop_a_gain_without_effect() -> None:
    from train.augment.presets import PRESETS as AUGMENTATIONS
    from train.augment.presets import Augmentation
    from train.augment.transforms import Gain

    assert tuple(AUGMENTATIONS) == AUGMENTS
    for name in ("light", "strong"):
        kept, dropped = (Augmentation.of(name, front_end).transforms for front_end in (GRID, PRESETS["mel-grid"]))
        assert [type(transform) for transform in kept if transform not in dropped] == [Gain]


def test_a_gpu_has_a_kernel_for_every_operation_of_the_strongest_augmentation() -> None:
    import tensorflow as tf

    from tests.train.gpu_kernels import types_without_a_gpu_kernel
    from train.augment.examples import Examples

    examples: Any = tf.function(Examples.of(Recipe(augment="strong", mixup=0.4, label_smoothing=0.1), GRID, 4).__call__)
    operations = examples.get_concrete_function(*batch()).graph.get_operations()
    assert len(operations) > 200
    assert types_without_a_gpu_kernel(operations) <= {"StatefulPartitionedCall", "PartitionedCall"}
