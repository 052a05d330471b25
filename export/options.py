"""How to export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from export.calibration import DEFAULT_ITEMS
from export.verify.parity import MAX_DROP

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to export: the defaults are those of the command.

    Attributes
    ----------
    calibration
        Number of training pictures that the ranges of integer models are measured on.
    io
        What a TFLite int8 model takes and gives: "int8", "uint8" or "float32".
    dynamic_batch
        Let ONNX models take any number of pictures per call.
    max_drop
        Points of validation accuracy that a file may lose against Keras; what chance explains is not a loss.
    speed
        Measure how fast the files are beside float32.
    fail_if_slower
        Write nothing where one is not faster.
    leave_out
        Leave out files that there cannot be of the run's network, instead of refusing.
    plan
        Which layers of a mixed file to quantise and how, as `export.quantize.search.plan_text` writes it; None to
        search for it.
    qat
        Epochs that the network is fine-tuned for an int8 file; None for none.
    """

    calibration: int = DEFAULT_ITEMS
    io: str = "int8"
    dynamic_batch: bool = False
    max_drop: float = MAX_DROP
    speed: bool = True
    fail_if_slower: bool = False
    leave_out: bool = False
    plan: str | None = None
    qat: int | None = None
