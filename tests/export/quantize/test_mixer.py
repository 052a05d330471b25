"""What is common to the mixers of both formats, without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from export.calibration import Calibration
from export.quantize.mixer import Mixer, grouped
from export.quantize.trials import SEARCHED, _expected
from toolkit.artifact.card_sections import CalibrationCard
from toolkit.errors import ArtifactError


class Named(Mixer):
    """A mixer whose models are the texts of their plans."""

    def _measured_groups(self, layers: Sequence[str], calibration: Any) -> Mapping[str, Any]:
        return grouped([(name, name, True, False) for name in layers], layers)

    def _mixed(self, plan: Mapping[str, str]) -> bytes:
        return " ".join(plan.values()).encode()


def test_a_plan_of_floats_is_the_model_itself_and_any_other_is_mixed() -> None:
    mixer = Named(b"float32 model", ("first", "last"), np.zeros((1, 2)))
    assert mixer.layers == ("first", "last")
    assert mixer.build({"first": "float32", "last": "float32"}) == b"float32 model"
    assert mixer.build({"first": "float32", "last": "int8"}) == b"float32 int8"
    assert mixer.build({"first": "int8", "last": "int8"}) == b"int8 int8"


def test_what_moves_values_is_quantised_with_the_layer_before_it() -> None:
    operators = [("pad", "a", False, True), ("conv", "b", True, False), ("pool", "c", False, True)]
    operators += [("log", "d", False, False), ("reshape", "e", False, True), ("dense", "f", True, False)]
    operators += [("softmax", "g", False, False)]
    assert grouped(operators, ("one", "two")) == {"one": ["conv", "pool"], "two": ["dense"]}
    with pytest.raises(ArtifactError, match="no layer with weights"):
        grouped(operators[:1], ("one",))


@pytest.mark.parametrize("count", [1, 5, SEARCHED, 200])
def test_mixtures_are_judged_on_inputs_from_the_first_to_the_last_class(count: int) -> None:
    """The calibration's items are in the order of their classes: a few of them must be of all."""
    inputs = np.arange(count + 2, dtype=np.float32)[:, np.newaxis]
    card = CalibrationCard(count, 2, "")
    labels, names = tuple(range(count)), tuple(f"clip {number}" for number in range(count))
    expected = _expected(
        Calibration(inputs, card, names, labels), lambda batch, training: np.eye(count)[[0] * len(batch)]
    )
    chosen = expected.labels.tolist()
    assert len(chosen) == len(set(chosen)) == min(count, SEARCHED)
    assert (chosen[0], chosen[-1]) == (0, count - 1) and max(np.diff(chosen), default=1) <= -(-count // SEARCHED) + 1
    assert expected.inputs[:, 0].tolist() == [*chosen, count, count + 1]
    assert expected.names == (*(names[n] for n in chosen), "synthetic sound 1", "synthetic sound 2")
