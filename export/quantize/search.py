"""Mixed precision: which layers of a network to keep in float32 and which to quantise, by measuring them.

Every layer with weights is quantised alone in each way, timed beside float32 and compared with it. Then come mixtures
of all layers, of the heavy ones, and of those that are not slower; in one that is outside the accuracy budget, the
layer that hurt most alone goes back to float32 until it is inside. The best are then timed in turns, together with
float32 and all-int8. In a deep network no layer is measured alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.artifact.card import LAYER_KINDS
from toolkit.errors import ArtifactError, UsageError
from toolkit.measure.latency import Ratio, Rounds, ratio

FLOAT, *QUANTISED_KINDS = LAYER_KINDS

SAME = 1.02
"""Times that differ by less are the same: then the smaller file is the better one."""
RACERS = 3
DEEP = 24
"""In a network of more layers, one alone changes the time by less than trials differ by chance."""

QuantizationPlan = Mapping[str, str]
"""A kind for every layer that has weights, in the network's order."""


@dataclass(frozen=True)
class Trial:
    """A mixture that was built and measured."""

    plan: QuantizationPlan
    size: int  # of the file, in bytes
    speed: Ratio  # its time as a multiple of float32's
    distance: float  # mean total variation distance between its probabilities and float32's, 0 to 1
    changed: int  # inputs whose label differs from float32's
    refused: str | None  # why it is outside the accuracy budget, None where it is inside


@dataclass(frozen=True)
class Choice:
    """The best mixture, and its time as a multiple of that of the mixture whose layers are all int8."""

    best: Trial
    beside_int8: Ratio


Attempt = Callable[[QuantizationPlan], Trial]
Race = Callable[[Sequence[QuantizationPlan]], Sequence[Rounds]]
"""Times float32 and plans in turns, for longer than a trial does; float32 comes first."""


def plan_text(plan: QuantizationPlan) -> str:
    """Return a plan as text: its quantised layers, `conv=int8,dense=dynamic`."""
    return ",".join(f"{layer}={kind}" for layer, kind in plan.items() if kind != FLOAT) or FLOAT


def parse(text: str, layers: Sequence[str]) -> QuantizationPlan:
    """Return the plan that a text as that of `plan_text` describes; layers it does not name stay float32.

    Raises `UsageError` if it names a layer or a kind that there is not, or one layer twice.
    """
    plan = dict.fromkeys(layers, FLOAT)
    named = set()
    if not text.strip():
        raise UsageError("--plan is empty: write LAYER=KIND,...")
    for part in text.split(","):
        layer, _, kind = part.strip().partition("=")
        if layer not in plan:
            raise UsageError(f"--plan: there is no layer {layer!r} with weights; there are {', '.join(layers)}")
        if kind not in LAYER_KINDS:
            raise UsageError(f"--plan: {layer} cannot be {kind!r}: use one of {', '.join(LAYER_KINDS)}")
        if layer in named:
            raise UsageError(f"--plan: names {layer} twice")
        named.add(layer)
        plan[layer] = kind
    if set(plan.values()) == {FLOAT}:
        raise UsageError("--plan: quantises no layer: leave out --quantize mixed")
    return plan


def search(
    layers: Sequence[str], attempt: Attempt, race: Race, show: Callable[[str], None], heavy: Collection[str] = ()
) -> Choice:
    """Return the fastest mixture inside the accuracy budget; the smallest of those that are equally fast.

    `layers` are those with weights, in order, `heavy` some with many; `attempt` builds and measures one mixture, `race`
    times several, and `show` prints a line of the search's table. Raises `ArtifactError` if no mixture is inside the
    budget.
    """
    nothing = dict.fromkeys(layers, FLOAT)
    width = max(max(map(len, layers)) + len(" alone dynamic"), len("dynamic if not surely slower"))
    show(f"{'mixture':{width}}     size  time, of float32's    distance  labels  verdict")
    measured: dict[str, Trial] = {}

    def row(name: str, plan: QuantizationPlan) -> Trial:
        """Measure a mixture, if it is a new one, and show it."""
        if plan_text(plan) not in measured:
            measured[plan_text(plan)] = attempt(plan)
            show(_line(name, measured[plan_text(plan)], width))
        return measured[plan_text(plan)]

    alone = {
        (layer, kind): row(f"{layer} alone {kind}", {**nothing, layer: kind})
        for layer in (layers if len(layers) <= DEEP else ())
        for kind in QUANTISED_KINDS
    }
    inside = [trial for name, plan in _mixtures(layers, alone, heavy) for trial in _inside(name, plan, alone, row)]
    trials = list({plan_text(trial.plan): trial for trial in inside}.values())
    if not trials:
        raise ArtifactError(
            "refused: no mixture of float32 and int8 layers is inside the accuracy budget: use float16 or float32, or "
            "measure ranges on more inputs with --calibration"
        )
    trials = sorted(trials, key=lambda trial: trial.speed.median)[:RACERS]
    reference, integer, *others = race([dict.fromkeys(layers, "int8"), *(trial.plan for trial in trials)])
    trials = [replace(trial, speed=ratio(times, reference)) for trial, times in zip(trials, others, strict=True)]
    least = min(trial.speed.median for trial in trials)
    even = [number for number, trial in enumerate(trials) if trial.speed.median <= SAME * least]
    best = min(even, key=lambda number: trials[number].size)
    show(_line("chosen", trials[best], width))
    return Choice(trials[best], ratio(others[best], integer))


def _mixtures(
    layers: Sequence[str], alone: Mapping[tuple[str, str], Trial], heavy: Collection[str]
) -> Iterable[tuple[str, QuantizationPlan]]:
    """Yield mixtures to try, by name, each once."""
    proposals: dict[str, QuantizationPlan] = {f"all {kind}": dict.fromkeys(layers, kind) for kind in QUANTISED_KINDS}
    for kind in QUANTISED_KINDS:
        proposals[f"heavy layers {kind}"] = {layer: kind if layer in heavy else FLOAT for layer in layers}
    if alone:
        proposals |= _of_measured(layers, alone)
    seen: list[QuantizationPlan] = [dict.fromkeys(layers, FLOAT)]
    for name, plan in proposals.items():
        if plan not in seen:
            seen.append(plan)
            yield name, plan


def _of_measured(layers: Sequence[str], alone: Mapping[tuple[str, str], Trial]) -> dict[str, QuantizationPlan]:
    """Return mixtures of the layers that are fast alone, by name."""
    proposals: dict[str, QuantizationPlan] = {}
    for kind in QUANTISED_KINDS:
        proposals[f"{kind} if not surely slower"] = {
            layer: kind if alone[layer, kind].speed.low <= 1 else FLOAT for layer in layers
        }
    proposals["each layer's fastest"] = {
        layer: min(QUANTISED_KINDS, key=lambda kind: alone[layer, kind].speed.median) for layer in layers
    }
    proposals["each's fastest or float32"] = {
        layer: kind if alone[layer, kind].speed.median <= 1 else FLOAT
        for layer, kind in proposals["each layer's fastest"].items()
    }
    return proposals


def _inside(
    name: str,
    plan: QuantizationPlan,
    alone: Mapping[tuple[str, str], Trial],
    row: Callable[[str, QuantizationPlan], Trial],
) -> Iterable[Trial]:
    """Yield the first mixture inside the budget on the way from `plan` to float32, if there is one."""
    shown = name
    while quantised := [layer for layer, kind in plan.items() if kind != FLOAT]:
        trial = row(shown, plan)
        if trial.refused is None:
            yield trial
        if trial.refused is None or not alone:
            return
        worst = max(quantised, key=lambda layer: alone[layer, plan[layer]].distance)
        plan = {**plan, worst: FLOAT}
        shown = f"{name} but {worst}" if shown == name else f"{shown}, {worst}"


def _line(name: str, trial: Trial, width: int) -> str:
    """Return a trial as a line of the table."""
    speed = f"{trial.speed.median:.2f} [{trial.speed.low:.2f}, {trial.speed.high:.2f}]"
    verdict = trial.refused or "inside the budget"
    return f"{name:{width}} {trial.size / 1e6:5.2f} MB  {speed:18}  {trial.distance:9.4f}  {trial.changed:6}  {verdict}"
