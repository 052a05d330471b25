"""Temperatures: the order stays, a network that is too sure becomes as sure as it is right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.artifact.card import TEMPERATURES
from toolkit.measure.temperature import at_temperature, fitted_temperature

rows = arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(2, 12)), elements=st.floats(0, 1))


@given(rows, st.floats(*TEMPERATURES))
@settings(max_examples=100, deadline=None)
def test_probabilities_stay_probabilities_in_their_order(values: np.ndarray, temperature: float) -> None:
    values = values + 1e-3
    values /= values.sum(axis=1, keepdims=True)
    scaled = at_temperature(values, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    ranked = np.take_along_axis(scaled, np.argsort(values, axis=1), axis=1)
    assert (np.diff(ranked, axis=1) >= -1e-12).all()


def test_one_changes_nothing_and_zero_is_no_problem() -> None:
    values = np.array([0.0, 0.25, 0.75])
    assert at_temperature(values, 1) is values or (at_temperature(values, 1) == values).all()
    scaled = at_temperature(values, 2)
    assert np.isfinite(scaled).all() and scaled[0] > 0
    np.testing.assert_allclose(scaled[1:] / scaled[2], [1 / 3**0.5, 1], rtol=1e-12)


def test_what_is_less_probable_than_a_millionth_counts_as_a_millionth() -> None:
    """ARTIFACT.md states the floor: at temperature 2, log(1e-6) / 2 = log(1e-3)."""
    for least in (0.0, 1e-12, 1e-6):
        np.testing.assert_allclose(at_temperature([1.0, least], 2), np.array([1, 1e-3]) / 1.001, rtol=1e-9)
    np.testing.assert_allclose(at_temperature([1.0, 1e-4], 2), np.array([1, 1e-2]) / 1.01, rtol=1e-9)


@pytest.mark.parametrize("true", [0.7, 1.0, 2.5, 6.0])
def test_the_temperature_of_a_network_is_found(true: float) -> None:
    """Labels are drawn from the probabilities at a temperature: that one fits best."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 3, (20_000, 10))
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    softened = at_temperature(exact, true)
    labels = (softened.cumsum(axis=1) < rng.uniform(size=(len(logits), 1))).sum(axis=1)
    assert fitted_temperature(exact, labels) == pytest.approx(true, rel=0.04)


def test_a_network_that_is_always_right_is_not_made_absolutely_sure() -> None:
    assert fitted_temperature(np.tile([0.6, 0.4], (9, 1)), np.zeros(9, int)) == TEMPERATURES[0]
    assert fitted_temperature(np.tile([0.99, 0.01], (9, 1)), np.ones(9, int)) == TEMPERATURES[1]
