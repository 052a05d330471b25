"""The files that a network can become: format x precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.artifact.file import FORMATS, ONNX, TFLITE
from toolkit.errors import UsageError

PRECISIONS = {
    TFLITE: ("float32", "float16", "dynamic", "int8", "int16x8", "mixed"),
    ONNX: ("float32", "float16", "dynamic", "int8", "mixed"),
}
"""What each format offers; the first is the reference, which is always written."""
FEATURES = "features"
"""The input level of a file that accepts what its network does, mostly what the front end computes."""
FRONT_LEVELS = ("mel", "waveform")
"""Those of files that have the front end inside, or its last steps."""
C_ARRAY = "c-array"
"""The format of TFLite files with their models as C source beside them."""
MIXED = "mixed"
"""The precision that is a mixture of others, layer by layer."""
QUANTISED = tuple(dict.fromkeys(name for names in PRECISIONS.values() for name in names[1:]))


NOT_INT16 = {
    "LayerNormalization": "SQUARED_DIFFERENCE, which standardisation needs,",
    "GlobalMaxPooling2D": "REDUCE_MAX, the maximum over all bands and frames,",
}
"""Operators without a kernel for 16-bit integers, by the class of the Keras layer that needs them."""


@dataclass(frozen=True)
class Variant:
    """One file to write: a format ("tflite", "onnx"), a precision ("float32", "int8", ...), and its input's level."""

    format: str
    precision: str
    level: str = FEATURES

    @property
    def has_front(self) -> bool:
        """Whether the front end is inside."""
        return self.level in FRONT_LEVELS

    def unsupported(self, layers: Mapping[str, str]) -> str | None:
        """Return why there is no such file of a network whose Keras layers have these classes, None where there is."""
        layer = next((name for name, kind in layers.items() if kind in NOT_INT16), None)
        if (self.format, self.precision) != (TFLITE, "int16x8") or layer is None:
            return None
        kind = layers[layer]
        return f"TensorFlow Lite's {NOT_INT16[kind]} does not accept 16-bit integers: the layer is {layer} ({kind})"

    def file_name(self, model: str) -> str:
        """Return the name of the file for a network."""
        level = f"-{self.level}" if self.has_front else ""
        return f"{model}{level}-{self.precision}.{self.format}"


def variants(formats: str, quantize: str | None, level: str = FEATURES) -> tuple[Variant, ...]:
    """Return the files of `--format`, `--quantize` (None without it) and `--input`: float32 in each format, and more.

    Raises `UsageError` if no format has that precision.
    """
    formats = TFLITE if formats == C_ARRAY else formats
    chosen = []
    for format in FORMATS if formats == "all" else (formats,):
        reference, *others = PRECISIONS[format]
        quantised = others if quantize == "all" else [name for name in others if name == quantize]
        chosen += [Variant(format, precision, level) for precision in (reference, *quantised)]
    if quantize not in (None, "all") and all(variant.precision != quantize for variant in chosen):
        offered = PRECISIONS[formats][1:]
        raise UsageError(f"--quantize {quantize}: not offered for {formats}; choose one of {', '.join(offered)}")
    return tuple(chosen)
