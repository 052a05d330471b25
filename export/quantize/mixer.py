"""What builds mixtures of float32 and int8 layers, whichever the format."""

from __future__ import annotations

import re
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


def grouped(operators: Iterable[tuple[Operator, str, bool, bool]], layers: Sequence[str]) -> dict[str, list[Operator]]:
    """Return each layer's operators: the one with weights, and those behind it that are quantised with it.

    `operators` are those of a model in order, each with names that hold its layer's, whether it has weights, and
    whether it only moves or compares values. Where a layer became several operators, or none, they are told apart by
    the layer whose name stands in theirs.
    """
    groups: list[list[Operator]] = []
    outputs: list[str] = []
    joined = False
    for operator, output, weighted, follows in operators:
        if weighted:
            groups.append([])
            outputs.append(output)
        joined = weighted or (joined and follows)
        if joined:
            groups[-1].append(operator)
    if not groups:
        raise ArtifactError("the network has no layer with weights that can be quantised: use float32 or float16")
    names = layers if len(groups) == len(layers) else _distinct(outputs, layers)
    return dict(zip(names, groups, strict=True))


def _distinct(outputs: Sequence[str], layers: Sequence[str]) -> list[str]:
    """Return a name of its own for each operator: its layer's, with a number from the second on."""
    names: list[str] = []
    for output in outputs:
        scopes = re.split("[/;:]", output)
        scopes += [re.sub(r"_\d+$", "", scope) for scope in scopes]  # Keras 3 numbers the calls of a layer
        name = next((layer for layer in layers if layer in scopes), output.split(";")[0])
        number = 1
        while (candidate := name if number == 1 else f"{name}.{number}") in names:
            number += 1
        names.append(candidate)
    return names
