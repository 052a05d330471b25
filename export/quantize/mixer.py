"""What builds mixtures of float32 and int8 layers, whichever the format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.quantize.search import FLOAT, QuantizationPlan


class Mixer(ABC):
    """Builds mixtures from a float32 model of one network and format."""

    def __init__(self, content: bytes, layers: Sequence[str], calibration: NDArray[np.uint8]) -> None:
        """Measure the ranges of all activations.

        Parameters
        ----------
        content
            The float32 model.
        layers
            The names of the network's layers with weights, in order.
        calibration
            uint8 (n, 288, 432, 3), the pictures to measure on.

        Raises
        ------
        RunError
            If the format's quantizer is not installed.
        ArtifactError
            If the model has other layers, or the quantizer fails.
        """
        self._content = content
        self._groups = self._measured_groups(layers, calibration)

    @abstractmethod
    def _measured_groups(self, layers: Sequence[str], calibration: NDArray[np.uint8]) -> Mapping[str, Any]:
        """Measure the ranges, and return each layer's operators: the one with weights, and those to follow it."""

    @abstractmethod
    def _mixed(self, plan: QuantizationPlan) -> bytes:
        """Return the model of a plan that is not all float32."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers with weights, in order."""
        return tuple(self._groups)

    def build(self, plan: QuantizationPlan) -> bytes:
        """Return the model in which each layer is of the kind that the plan says; its input and output are float32.

        Raises
        ------
        ArtifactError
            If the quantizer fails.
        """
        return self._content if set(plan.values()) == {FLOAT} else self._mixed(plan)
