"""How to export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from export.calibration import DEFAULT_ITEMS
from export.verify.parity import MAX_DROP

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to export: names and defaults are those of the command's flags."""

    calibration: int = DEFAULT_ITEMS  # number of training inputs that ranges are measured on
    io: str = "int8"  # input and output of a TFLite int8 model: "int8", "uint8" or "float32"
    dynamic_batch: bool = False  # ONNX models accept any number of inputs per call
    max_drop: float = MAX_DROP  # points of validation accuracy that a file may lose against Keras, beyond chance
    speed: bool = True  # measure how fast the files are beside float32
    fail_if_slower: bool = False  # write nothing where one is not faster
    leave_out: bool = False  # leave out files that there cannot be of the run's network, instead of refusing
    plan: str | None = None  # of a mixed file, as `export.quantize.search.plan_text` writes it; None to search for it
    qat: int | None = None  # epochs of fine-tuning for an int8 file
