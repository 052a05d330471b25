"""The search for a mixture, on synthetic measurements: what hurts or is slow stays float32, what wins does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.quantize.search import DEEP, FLOAT, QuantizationPlan, Trial, parse, plan_text, search
from toolkit.artifact.card import LAYER_KINDS
from toolkit.errors import ArtifactError, UsageError
from toolkit.measure.latency import Ratio, Rounds

LAYERS = ("first", "second", "third", "dense")


class Machine:
    """A machine on which every layer takes 10 ms in float32, and the times listed here in other kinds."""

    def __init__(
        self, times: Mapping[tuple[str, str], float], errors: Mapping[tuple[str, str], float], limit: float = 0.1
    ) -> None:
        self.times, self.errors, self.limit = times, errors, limit
        self.tried: list[QuantizationPlan] = []

    def seconds(self, plan: QuantizationPlan) -> float:
        return sum(self.times.get((layer, kind), 10.0) for layer, kind in plan.items())

    def attempt(self, plan: QuantizationPlan) -> Trial:
        self.tried.append(dict(plan))
        ratio = self.seconds(plan) / self.seconds(dict.fromkeys(plan, FLOAT))
        error = sum(self.errors.get((layer, kind), 0.0) for layer, kind in plan.items())
        size = sum(4 if kind == FLOAT else 1 for kind in plan.values())
        refused = "too far off" if error > self.limit else None
        return Trial(plan, size, Ratio(ratio, 0.99 * ratio, 1.01 * ratio), error, 0, refused)

    def race(self, plans: Sequence[QuantizationPlan]) -> list[Rounds]:
        everything = [dict.fromkeys(plans[0], FLOAT), *plans]
        return [tuple((self.seconds(plan) * (1 + 0.001 * turn),) for turn in range(12)) for plan in everything]

    def find(self) -> QuantizationPlan:
        self.lines: list[str] = []
        self.choice = search(LAYERS, self.attempt, self.race, self.lines.append)
        return self.choice.best.plan


def all_but(layer: str, kind: str, others: str) -> dict[str, str]:
    return {**dict.fromkeys(LAYERS, others), layer: kind}


def test_a_slow_layer_stays_float32() -> None:
    """The first convolution of three channels: eight-bit kernels waste most of their width on it."""
    times = {(layer, "int8"): 5.0 for layer in LAYERS} | {("first", "int8"): 30.0, ("first", "dynamic"): 20.0}
    machine = Machine(times, {})
    assert machine.find() == all_but("first", FLOAT, "int8")
    assert machine.choice.best.speed.median == pytest.approx(25 / 40)
    assert machine.choice.beside_int8.median == pytest.approx(25 / 45)


def test_an_outlier_goes_back_to_float32_even_if_it_is_fast() -> None:
    kinds = ("int8", "dynamic")
    times = {(layer, kind): 5.0 for layer in LAYERS for kind in kinds}
    errors = {(layer, kind): 0.01 for layer in LAYERS for kind in kinds} | {("third", kind): 0.8 for kind in kinds}
    machine = Machine(times, errors)
    assert machine.find()["third"] == FLOAT
    assert sum(kind == FLOAT for kind in machine.choice.best.plan.values()) == 1
    assert any("but third" in line for line in machine.lines)


def test_each_layer_has_its_own_best_kind() -> None:
    times = {("first", "int8"): 5.0, ("dense", "dynamic"): 5.0, ("dense", "int8"): 15.0}
    times |= {(layer, kind): 20.0 for layer in ("second", "third") for kind in ("int8", "dynamic")}
    times |= {("first", "dynamic"): 20.0}
    assert Machine(times, {}).find() == {"first": "int8", "second": FLOAT, "third": FLOAT, "dense": "dynamic"}


def test_of_a_deep_network_the_heavy_layers_are_tried_and_none_alone() -> None:
    layers = [f"layer{number}" for number in range(DEEP + 1)]
    heavy = layers[-5:]
    times = {(layer, kind): 5.0 if layer in heavy else 20.0 for layer in layers for kind in ("int8", "dynamic")}
    machine = Machine(times | {(layer, "dynamic"): 8.0 for layer in heavy}, {(layers[0], "int8"): 1.0})
    choice = search(layers, machine.attempt, machine.race, print, heavy)
    assert choice.best.plan == {layer: "int8" if layer in heavy else FLOAT for layer in layers}
    assert len(machine.tried) == 4


def test_of_equally_fast_ones_the_smallest() -> None:
    machine = Machine({}, {})
    assert FLOAT not in machine.find().values()
    assert machine.choice.best.size == 4


def test_where_nothing_is_inside_the_budget_nothing_is_chosen() -> None:
    errors = {(layer, kind): 1.0 for layer in LAYERS for kind in ("int8", "dynamic")}
    with pytest.raises(ArtifactError, match="refused: no mixture .* is inside the accuracy budget"):
        Machine({}, errors).find()


def test_the_table_has_every_layer_and_the_choice() -> None:
    machine = Machine({}, {("second", "int8"): 0.5})
    machine.find()
    header, *rows = machine.lines
    assert [word in header for word in ("size", "time", "distance", "labels", "verdict")] == [True] * 5
    assert len(rows) == len(machine.tried) + 1 and rows[-1].startswith("chosen")
    assert [sum(line.startswith(f"{layer} alone") for line in rows) for layer in LAYERS] == [2, 2, 2, 2]
    assert "too far off" in next(line for line in rows if line.startswith("second alone int8"))


def test_a_mixture_is_measured_once() -> None:
    """Both kinds of one layer are refused, so that different proposals end in the same mixture."""
    errors = {("second", kind): 0.5 for kind in ("int8", "dynamic")}
    machine = Machine({}, errors)
    machine.find()
    tried = [plan_text(plan) for plan in machine.tried]
    assert len(tried) == len(set(tried))


plans = st.fixed_dictionaries({layer: st.sampled_from(LAYER_KINDS) for layer in LAYERS})


@given(plans)
def test_a_plan_reads_back(plan: dict[str, str]) -> None:
    if set(plan.values()) == {FLOAT}:
        assert plan_text(plan) == FLOAT
    else:
        assert parse(plan_text(plan), LAYERS) == plan


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "--plan is empty"),
        ("=int8", "there is no layer '' with weights; there are first, second, third, dense"),
        ("fourth=int8", "there is no layer 'fourth'"),
        ("first", "first cannot be ''"),
        ("first=int4", "first cannot be 'int4': use one of float32, dynamic, int8"),
        ("first=int8,first=dynamic", "names first twice"),
        ("first=float32", "quantises no layer"),
    ],
)
def test_a_wrong_plan_is_misuse(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse(text, LAYERS)
