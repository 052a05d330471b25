"""What builds mixtures of float32 and int8 layers, whichever the format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from export.inputs import Inputs
from export.quantize.search import FLOAT, QuantizationPlan
from toolkit.errors import ArtifactError

Operator = TypeVar("Operator")


class Mixer(ABC):
    """Builds mixtures from a float32 model of one network and format."""

    def __init__(self, content: bytes, layers: Sequence[str], calibration: Inputs) -> None:
        """Measure the ranges of all activations of the float32 model on network inputs (n, ...).

        `layers` names the network's layers with weights, in order. Raises `RunError` if the format's quantizer is not
        installed, `ArtifactError` if the model has other layers, or the quantizer fails.
        """
        self._content = content
        self._groups = self._measured_groups(layers, calibration)

    @abstractmethod
    def _measured_groups(self, layers: Sequence[str], calibration: Inputs) -> Mapping[str, Any]:
        """Measure the ranges, and return each layer's operators: the one with weights, and those to follow it."""

    @abstractmethod
    def _mixed(self, plan: QuantizationPlan) -> bytes:
        """Return the model of a plan that is not all float32."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers with weights, in order."""
        return tuple(self._groups)

    def build(self, plan: QuantizationPlan) -> bytes:
        """Return the model with each layer in the plan's kind; its input and output are float32.

        Raises `ArtifactError` if the quantizer fails.
        """
        return self._content if set(plan.values()) == {FLOAT} else self._mixed(plan)


def grouped(
    operators: Iterable[tuple[Operator, bool, bool]], layers: Sequence[str], format: str
) -> dict[str, list[Operator]]:
    """Return each layer's operators: the one with weights, and those behind it that are quantised with it.

    `operators` are those of a model in order, each with whether it has weights, and whether it only moves or compares
    values.
    """
    groups: list[list[Operator]] = []
    joined = False
    for operator, weighted, follows in operators:
        if weighted:
            groups.append([])
        joined = weighted or (joined and follows)
        if joined:
            groups[-1].append(operator)
    if len(groups) != len(layers):
        raise ArtifactError(
            f"the network has {len(layers)} layers with weights, its {format} model {len(groups)}: "
            "use another precision than mixed"
        )
    return dict(zip(layers, groups, strict=True))
