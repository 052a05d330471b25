"""From a Keras model to the bytes of any variant; what several variants need is made once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import IO, Any

from export.calibration import Calibration
from export.malloc import release
from export.onnx import frontend as onnx_frontend
from export.onnx import quantize as onnx_quantize
from export.onnx.convert import to_onnx
from export.onnx.mixed import OnnxMixer
from export.quantize.mixer import Mixer
from export.quantize.search import QuantizationPlan
from export.tflite import convert as tflite_convert
from export.tflite import frontend as tflite_frontend
from export.tflite.float16 import halve_weights
from export.tflite.graph import compose
from export.tflite.metadata import Description, describe
from export.tflite.mixed import TfliteMixer
from export.variants import Variant
from toolkit.artifact.file import ONNX
from toolkit.frontend.spec import FrontEnd


@dataclass(frozen=True)
class Converted:
    """A model proper, what its ranges were measured on, and what is float32 in it: operators, or layers by a plan."""

    content: bytes
    calibration: Calibration | None
    float_ops: tuple[str, ...] = ()
    layers: QuantizationPlan = field(default_factory=dict)


class Converter:
    """Converts one Keras model."""

    def __init__(
        self,
        model: Any,
        spec: FrontEnd,
        description: Description,
        calibration: Calibration | None,
        io: str,
        dynamic_batch: bool,
    ) -> None:
        """Take the Keras model and what belongs to it.

        Parameters
        ----------
        model
            The Keras model.
        spec
            Its front end.
        description
            What TFLite Metadata say of it.
        calibration
            What ranges are measured on; None where no variant needs it.
        io
            What int8 models take and give.
        dynamic_batch
            Let ONNX models take any number of pictures.
        """
        self._dynamic_batch = dynamic_batch
        self._spec = spec
        self._model = model
        self._description = description
        self._calibration = calibration
        self._io = io
        self._fronts: dict[str, bytes] = {}
        self._mixers: dict[str, Mixer] = {}

    @cached_property
    def _float_onnx(self) -> bytes:
        return to_onnx(self._model, self._dynamic_batch)

    @cached_property
    def _float_file(self) -> IO[bytes]:
        # In memory it would be beside what is made of it. It goes with the converter.
        file = tempfile.TemporaryFile(prefix="gtzanet-edge-")  # noqa: SIM115
        file.write(tflite_convert.to_tflite(self._model))
        return file

    @property
    def _float_tflite(self) -> bytes:
        self._float_file.seek(0)
        return self._float_file.read()

    def with_front(self, content: bytes, variant: Variant) -> bytes:
        """Return a model that takes sound, from the model of a variant that takes pictures.

        Raises
        ------
        UsageError
            If the front end cannot be part of a model.
        ArtifactError
            If the conversion fails.
        """
        if variant.format == ONNX:
            return onnx_frontend.prepended(content, self._spec, variant.level)
        if variant.level not in self._fronts:
            self._fronts[variant.level] = tflite_frontend.to_tflite(self._spec, variant.level)
        joined = compose(self._fronts[variant.level], content)
        return describe(joined, replace(self._description, level=variant.level))

    def mixer(self, format: str) -> Mixer:
        """Return what builds mixtures in a format; raises as `convert`."""
        if self._calibration is None:
            raise ValueError("mixtures need a calibration")
        if format not in self._mixers:
            layers, pictures = [layer.name for layer in self._model.layers if layer.weights], self._calibration.pictures
            self._mixers[format] = (
                OnnxMixer(self._float_onnx, layers, pictures)
                if format == ONNX
                else TfliteMixer(self._float_tflite, layers, pictures)
            )
        return self._mixers[format]

    def mix(self, variant: Variant, plan: QuantizationPlan) -> Converted:
        """Return a mixture of the model; raises as `convert`."""
        content = self.mixer(variant.format).build(plan)
        if variant.format != ONNX:
            content = describe(content, self._description)
        return Converted(content, self._calibration, layers=plan)

    def convert(self, variant: Variant) -> Converted:
        """Return a variant of the model that is not a mixture.

        Raises
        ------
        ArtifactError, RunError
            If the conversion fails or a tool for it is not installed.
        """
        used = self._calibration if variant.calibrated else None
        pictures = used.pictures if used else None
        if variant.format == ONNX:
            content = self._float_onnx
            if variant.precision != "float32":
                content = onnx_quantize.quantise(content, variant.precision, pictures)
            return Converted(content, used, onnx_quantize.float_ops(content) if used else ())
        kept = tflite_convert.float_ops(self._model) if used else ()
        if variant.precision == "float32":
            content = self._float_tflite
        elif variant.precision == "float16":
            content = halve_weights(self._float_tflite)
        elif kept:
            ranged = tflite_convert.with_ranges(self._float_tflite, pictures)
            release()
            content = tflite_convert.partly_int8(ranged, kept, self._io)
        else:
            content = tflite_convert.to_tflite(self._model, variant.precision, pictures, self._io)
        return Converted(describe(content, self._description), used, kept)
