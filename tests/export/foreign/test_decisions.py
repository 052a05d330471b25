"""What is decided of a network from outside: how its input lies, and what its output means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from export.foreign.axes import arranged, infer
from export.foreign.network import activation
from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE

GRID = replace(PRESETS["log-mel"], window_seconds=1.0)
SHARP, BOTH, LOGITS = (np.array(rows, np.float32) for rows in ([[0.9, 0.1]], [[0.9, 0.8]], [[3.0, -1.0]]))


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((64, 63, 1), "bands,frames,1"),
        ((64, 63), "bands,frames"),
        ((63, 64), "frames,bands"),
        ((None, 64), "frames,bands"),
        ((63, 64, 1), "frames,bands,1"),
        ((None, 64, None), "frames,bands,1"),
        ((16_000,), "samples"),
        ((None,), "samples"),
        ((None, 1), "samples,1"),
    ],
)
def test_the_axes_that_fit(shape: tuple[int | None, ...], axes: str) -> None:
    assert infer("m", shape, GRID, None) == axes


def test_axes_that_fit_twice_are_asked_for() -> None:
    with pytest.raises(UsageError, match="any x any x 1 may be bands,frames,1 or frames,bands,1: choose with --axes"):
        infer("m", (None, None, 1), GRID, None)
    assert infer("m", (None, None, 1), GRID, "frames,bands,1") == "frames,bands,1"


def test_axes_that_do_not_fit_name_both_shapes() -> None:
    with pytest.raises(
        UsageError, match="its input is 96 x 64, but the front end computes 64 x 63 x 1 of 16000 samples"
    ):
        infer("m", (96, 64), GRID, None)
    assert infer("m", (288, 432, 3), PICTURE, None) == "rows,columns,3"


def test_inputs_are_arranged_as_the_network_has_them() -> None:
    value = np.arange(64 * 63, dtype=np.float32).reshape(1, 64, 63, 1)
    for axes, expected in (("bands,frames", value[..., 0]), ("frames,bands", value[..., 0].transpose(0, 2, 1))):
        np.testing.assert_array_equal(arranged(value, axes, GRID), expected)
    np.testing.assert_array_equal(arranged(value, "frames,bands,1", GRID), value.transpose(0, 2, 1, 3))


@pytest.mark.parametrize(
    ("declared", "scores", "choice", "result"),
    [
        ("softmax", SHARP, None, ("softmax", False)),
        ("sigmoid", BOTH, None, ("sigmoid", False)),
        ("linear", LOGITS, None, ("softmax", True)),
        ("linear", LOGITS, "sigmoid", ("sigmoid", True)),
        (None, SHARP, None, ("softmax", False)),
        (None, BOTH, "sigmoid", ("sigmoid", False)),
        (None, LOGITS, "sigmoid", ("sigmoid", True)),
        (None, LOGITS, "softmax", ("softmax", True)),
    ],
)
def test_what_an_output_means(
    declared: str | None, scores: np.ndarray, choice: str | None, result: tuple[str, bool]
) -> None:
    assert activation("m", declared, scores, choice) == result


@pytest.mark.parametrize(
    ("declared", "scores", "choice", "message"),
    [
        ("softmax", SHARP, "sigmoid", "its output is a softmax already"),
        ("softmax", BOTH, None, "does not add up to 1"),
        (None, BOTH, None, "say --activation"),
        (None, LOGITS, None, "say --activation"),
        ("linear", LOGITS * np.nan, None, "not finite"),
    ],
)
def test_outputs_that_cannot_be_decided(
    declared: str | None, scores: np.ndarray, choice: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        activation("m", declared, scores, choice)
