"""Mixup and label smoothing against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_mixup_mixes_values_and_labels_by_the_same_weights_which_sum_to_one() -> None:
    import tensorflow as tf

    from train.augment.labels import Mixup

    labels = np.eye(6, dtype=np.float32)
    seed = tf.constant((3, 4))
    mixed, soft = (part.numpy() for part in Mixup(0.4)(tf.constant(labels.reshape(6, 2, 3, 1)), labels, seed))
    assert np.allclose(soft.sum(1), 1, atol=1e-6)
    weights = Mixup(0.4).weights(6, seed).numpy()
    assert len(set(weights.tolist())) == 6 and (weights >= 0.5).all() and (weights <= 1).all()
    for item in range(6):
        expected = weights[item] * labels[item] + (1 - weights[item]) * labels[item - 1]
        assert np.allclose(soft[item], expected, atol=1e-6)
        assert np.allclose(mixed[item].ravel(), expected, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.1, 0.4, 2.0])
def test_mixup_weights_are_of_the_beta_distribution(alpha: float) -> None:
    import tensorflow as tf

    from train.augment.labels import Mixup

    weights = Mixup(alpha).weights(20_000, tf.constant((1, 2))).numpy()
    assert np.square(weights - 0.5).mean() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    assert np.array_equal(weights, Mixup(alpha).weights(20_000, tf.constant((1, 2))).numpy())


def test_an_item_alone_stays_itself() -> None:
    import tensorflow as tf

    from train.augment.labels import Mixup

    values = np.random.default_rng(1).normal(size=(1, 2, 3, 1)).astype(np.float32)
    mixed, soft = Mixup(0.4)(tf.constant(values), tf.constant([[0.0, 1.0]]), tf.constant((1, 2)))
    assert np.allclose(mixed, values, atol=1e-6) and np.allclose(soft, [[0, 1]], atol=1e-6)


def test_smoothing_is_the_formula() -> None:
    import tensorflow as tf

    from train.augment.labels import smooth

    soft = smooth(tf.constant([[0.0, 1.0, 0.0, 0.0], [0.25, 0.75, 0.0, 0.0]]), 0.1, 4).numpy()
    assert np.allclose(soft, [[0.025, 0.925, 0.025, 0.025], [0.25, 0.7, 0.025, 0.025]])
