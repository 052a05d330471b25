"""The files that a run can become: format x precision."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection
from dataclasses import dataclass

from toolkit.artifact.card import CALIBRATED, INPUT_LEVELS
from toolkit.artifact.file import FORMATS, ONNX, TFLITE
from toolkit.errors import UsageError

PRECISIONS = {
    TFLITE: ("float32", "float16", "dynamic", "int8", "int16x8", "mixed"),
    ONNX: ("float32", "float16", "dynamic", "int8", "mixed"),
}
"""What each format offers; the first is the reference, which is always written."""
PICTURE = INPUT_LEVELS[0]
MIXED = "mixed"
"""The precision that is a mixture of others, layer by layer."""
TUNER = "tensorflow-model-optimization"
_KERAS = ("tensorflow", "tf_keras", "numpy")
_PACKAGES = {TFLITE: _KERAS, ONNX: (*_KERAS, "tf2onnx", "onnx")}
_QUANTISERS = {
    (TFLITE, "mixed"): ("ai_edge_quantizer",),
    **dict.fromkeys([(ONNX, precision) for precision in ("dynamic", "int8", "mixed")], ("onnxruntime",)),
}
QUANTISED = tuple(dict.fromkeys(name for names in PRECISIONS.values() for name in names[1:]))


@dataclass(frozen=True)
class Variant:
    """One file to write: a format ("tflite", "onnx"), a precision ("float32", "int8", ...), and what it takes."""

    format: str
    precision: str
    level: str = PICTURE

    @property
    def calibrated(self) -> bool:
        """Tell whether its ranges are measured on training pictures."""
        return self.precision in CALIBRATED

    def unsupported(self, layers: Collection[str]) -> str | None:
        """Return why there is no such file of a network with these classes of Keras layers, None where there is one."""
        if (self.format, self.precision) == (TFLITE, "int16x8") and "LayerNormalization" in layers:
            return "TensorFlow Lite's SQUARED_DIFFERENCE, which standardisation needs, does not take 16-bit integers"
        return None

    def versions(self, *, fine_tuned: bool = False) -> dict[str, str]:
        """Return the versions of the packages that decide the file's bytes."""
        quantiser = _QUANTISERS.get((self.format, self.precision), ())
        names = (*_PACKAGES[self.format], *quantiser, *((TUNER,) if fine_tuned else ()))
        return {name: importlib.metadata.version(name) for name in names}

    def file_name(self, model: str) -> str:
        """Return the name of the file for a network."""
        level = "" if self.level == PICTURE else f"-{self.level}"
        return f"{model}{level}-{self.precision}.{self.format}"


def variants(formats: str, quantize: str | None, level: str = PICTURE) -> tuple[Variant, ...]:
    """Return what `--format`, `--quantize` and `--input` ask for: float32 in each format, and what else is asked for.

    Parameters
    ----------
    formats
        "tflite", "onnx" or "all".
    quantize
        A precision, "all", or None.
    level
        What the files take, one of `toolkit.artifact.card.INPUT_LEVELS`.

    Raises
    ------
    UsageError
        If no format that is asked for has that precision.
    """
    chosen = []
    for format in FORMATS if formats == "all" else (formats,):
        reference, *others = PRECISIONS[format]
        quantised = others if quantize == "all" else [name for name in others if name == quantize]
        chosen += [Variant(format, precision, level) for precision in (reference, *quantised)]
    if quantize not in (None, "all") and all(variant.precision != quantize for variant in chosen):
        offered = PRECISIONS[formats][1:]
        raise UsageError(f"--quantize {quantize}: not offered for {formats}; choose one of {', '.join(offered)}")
    return tuple(chosen)
