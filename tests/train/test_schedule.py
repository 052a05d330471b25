"""The learning-rate schedule against Keras' ReduceLROnPlateau, step by step."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.config import Recipe
from train.schedule import Plateau, kept_epoch, learning_rate

LOSSES = st.lists(st.floats(0.01, 5, allow_nan=False), min_size=1, max_size=40)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(losses=LOSSES, patience=st.integers(1, 4), factor=st.sampled_from([0.1, 0.5]))
def test_equals_keras(losses: list[float], patience: int, factor: float) -> None:
    import tf_keras

    recipe = Recipe(plateau_patience=patience, plateau_factor=factor)
    callback = tf_keras.callbacks.ReduceLROnPlateau("val_loss", factor, patience, min_lr=recipe.min_learning_rate)
    callback.model = SimpleNamespace(optimizer=SimpleNamespace(lr=tf_keras.backend.variable(recipe.learning_rate)))
    callback.on_train_begin()
    plateau = Plateau(recipe.learning_rate)
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        plateau = plateau.after(loss, recipe)
        assert plateau.learning_rate == pytest.approx(float(callback.model.optimizer.lr.numpy()), rel=1e-5)


def test_falls_to_its_floor_and_stays() -> None:
    recipe, plateau = Recipe(), Plateau(0.01)
    rates = []
    for _ in range(8):
        plateau = plateau.after(1.0, recipe)
        rates.append(plateau.learning_rate)
    assert rates == pytest.approx([0.01, 0.001, 1e-4, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5])


def test_a_factor_that_passes_the_floor_stops_at_it() -> None:
    recipe = Recipe(learning_rate=0.02, plateau_factor=0.3, min_learning_rate=0.01)
    rates, plateau = [], Plateau(recipe.learning_rate)
    for _ in range(4):
        plateau = plateau.after(1.0, recipe)
        rates.append(plateau.learning_rate)
    assert rates == [0.02, 0.01, 0.01, 0.01]


@pytest.mark.parametrize(("patience", "rate", "waits"), [(1, 1e-5, [1, 2, 3]), (3, 0.01, [1, 2, 0])])
def test_epochs_without_a_fall_are_counted_as_keras_does(patience: int, rate: float, waits: list[int]) -> None:
    """At the floor they are counted on, above it until the rate falls."""
    recipe, plateau, counts = Recipe(plateau_patience=patience), Plateau(rate, best=1.0), []
    for _ in range(3):
        plateau = plateau.after(1.0, recipe)
        counts.append(plateau.wait)
    assert counts == waits


def test_a_fall_smaller_than_delta_is_no_fall() -> None:
    plateau = Plateau(0.01).after(1.0, Recipe()).after(1.0 - 0.5e-4, Recipe())
    assert plateau.learning_rate == pytest.approx(0.001)
    assert plateau.best == 1.0


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ((0.2, 0.5, 0.4), (1.0, 0.9, 0.8), 2),
        ((0.5, 0.5, 0.4), (1.0, 0.9, 0.8), 2),  # of equals, the lower loss
        ((0.5, 0.5, 0.5), (0.9, 0.9, 1.0), 1),  # then the first
        ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0), 3),
    ],
)
def test_the_epoch_that_is_kept(accuracies: tuple[float, ...], losses: tuple[float, ...], best: int) -> None:
    history = [{"val_accuracy": a, "val_loss": b} for a, b in zip(accuracies, losses, strict=True)]
    assert kept_epoch(history, "best") == best
    assert kept_epoch(history, "last") == 3


def test_a_cosine_rises_evenly_and_falls_along_half_a_wave() -> None:
    recipe = Recipe(schedule="cosine", warmup=0.2, learning_rate=0.4, min_learning_rate=0.0)
    rates = [learning_rate(recipe, Plateau(1.0), step, 20) for step in range(20)]
    assert rates[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rates[4] == pytest.approx(0.4) and rates[12] == pytest.approx(0.2)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert [rates[4 + n] + rates[20 - n] for n in range(1, 8)] == pytest.approx([0.4] * 7)


def test_a_cosine_ends_near_the_lowest_rate_and_may_have_no_warm_up() -> None:
    recipe = Recipe(schedule="cosine", learning_rate=0.4, min_learning_rate=0.1)
    rates = [learning_rate(recipe, Plateau(1.0), step, 1000) for step in range(1000)]
    assert rates[0] == 0.4 and rates[-1] == pytest.approx(0.1, abs=1e-5) and min(rates) > 0.1


def test_a_plateau_keeps_its_rate_for_an_epoch() -> None:
    assert learning_rate(Recipe(), Plateau(0.003), 7, 20) == 0.003
