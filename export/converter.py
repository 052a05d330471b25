"""From a Keras model to the bytes of any variant; what several variants need is computed once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import IO, Any

from export.calibration import Calibration
from export.keras import weighted_layers
from export.malloc import release
from export.onnx import frontend as onnx_frontend
from export.onnx import quantize as onnx_quantize
from export.onnx.convert import to_onnx
from export.onnx.mixed import OnnxMixer
from export.options import Options
from export.quantize.mixer import Mixer
from export.quantize.search import QuantizationPlan
from export.tflite import convert as tflite_convert
from export.tflite import depthwise
from export.tflite import frontend as tflite_frontend
from export.tflite.float16 import halve_weights
from export.tflite.graph import compose
from export.tflite.metadata import Description, describe
from export.tflite.mixed import TfliteMixer
from export.variants import MIXED, Variant
from toolkit.artifact.card import CALIBRATED
from toolkit.artifact.file import ONNX, TFLITE
from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd


@dataclass(frozen=True)
class Converted:
    """A model proper, what its ranges were measured on, and what is float32 in it: operators, or layers by a plan."""

    content: bytes
    calibration: Calibration | None
    float_ops: tuple[str, ...] = ()
    layers: QuantizationPlan = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    """Packages that quantised it, besides those that each file of its format and precision needs."""


@dataclass(eq=False)
class Converter:
    """Converts one Keras model. Every method raises `ArtifactError` if a conversion fails, `RunError` if a tool lacks.

    `description` is for TFLite Metadata; `calibration` is what ranges are measured on, None where no variant needs it.
    """

    model: Any
    spec: FrontEnd
    description: Description
    calibration: Calibration | None
    options: Options
    _fronts: dict[str, bytes] = field(default_factory=dict, init=False)
    _mixers: dict[str, Mixer] = field(default_factory=dict, init=False)

    def of(self, model: Any) -> Converter:
        """Return what converts another model of the same network."""
        return replace(self, model=model)

    @cached_property
    def _float_onnx(self) -> bytes:
        return to_onnx(self.model, self.options.dynamic_batch, self.description.level)

    @cached_property
    def _float_file(self) -> IO[bytes]:
        # Not in memory, beside the models that are built from it. It is deleted with the converter.
        file = tempfile.TemporaryFile(prefix="gtzanet-edge-")  # noqa: SIM115
        file.write(tflite_convert.to_tflite(self.model, name=self.description.level))
        return file

    @property
    def _float_tflite(self) -> bytes:
        self._float_file.seek(0)
        return self._float_file.read()

    def with_front(self, content: bytes, variant: Variant) -> bytes:
        """Return a model of a variant whose input is sound, from the same for what the front end computes.

        Raises `UsageError` if the front end cannot be part of a model.
        """
        if variant.format == ONNX:
            return onnx_frontend.prepended(content, self.spec, variant.level)
        if variant.level not in self._fronts:
            self._fronts[variant.level] = tflite_frontend.to_tflite(self.spec, variant.level)
        joined = compose(self._fronts[variant.level], content)
        return describe(joined, replace(self.description, level=variant.level))

    def mixer(self, format: str) -> Mixer:
        """Return what builds mixtures in a format."""
        assert self.calibration is not None  # mixed variants are calibrated
        if format not in self._mixers:
            mixer, content = (OnnxMixer, self._float_onnx) if format == ONNX else (TfliteMixer, self._float_tflite)
            if format != ONNX:
                tflite_convert.check_quantisable(content, MIXED)
            layers = [layer.name for layer in weighted_layers(self.model)]
            self._mixers[format] = mixer(content, layers, self.calibration.inputs)
        return self._mixers[format]

    def convert(self, variant: Variant, plan: QuantizationPlan | None = None) -> Converted:
        """Return a variant of the model; a mixed one by a plan."""
        calibration = self.calibration if variant.precision in CALIBRATED else None
        float_ops: tuple[str, ...] = ()
        tools: tuple[str, ...] = ()
        if plan is not None:
            content = self.mixer(variant.format).build(plan)
        elif partial := self._partly_quantised(variant):
            content, plan = partial
            if calibration:
                float_ops = (onnx_quantize if variant.format == ONNX else depthwise).float_ops(content)
            tools = () if variant.format == ONNX else ("ai_edge_quantizer",)
        elif variant.format == ONNX:
            content = self._float_onnx
            if variant.precision != "float32":
                inputs = calibration.inputs if calibration else None
                content = onnx_quantize.quantise(content, variant.precision, inputs)
            float_ops = onnx_quantize.float_ops(content) if calibration else ()
        else:
            kept = tflite_convert.kept_float(self.model, self._float_tflite) if calibration else tflite_convert.Kept()
            content, float_ops = self._tflite(variant, calibration, kept), kept.kinds
        if variant.format != ONNX:
            content = describe(content, self.description)
        return Converted(content, calibration, float_ops, plan or {}, tools)

    def _partly_quantised(self, variant: Variant) -> tuple[bytes, QuantizationPlan] | None:
        """Return a variant of a network with depthwise convolutions, None where one rule fits all of its layers.

        With it comes its plan, which is empty where no layer is int8.
        """
        if all(type(layer).__name__ != "DepthwiseConv2D" for layer in self.model.layers):
            return None
        if (variant.format, variant.precision) == (TFLITE, "dynamic"):
            heavy = depthwise.heavy_dynamic(self._float_tflite)
            return (heavy, {}) if heavy else None
        if variant.precision != "int8" or not (kinds := self._int8_kinds):
            return None
        self._check_float_io(variant)
        mixer = self.mixer(variant.format)
        plan = dict(zip(mixer.layers, kinds, strict=True))
        return mixer.build(plan), plan

    @cached_property
    def _int8_kinds(self) -> list[str] | None:
        assert self.calibration is not None  # int8 variants are calibrated
        tflite_convert.check_quantisable(self._float_tflite, "int8")
        if tflite_convert.kept_float(self.model, self._float_tflite).kinds:
            return None
        return depthwise.int8_kinds(self._float_tflite, self.calibration.inputs)

    def _io(self, variant: Variant) -> str:
        return "float32" if variant.has_front or self.description.level == "waveform" else self.options.io

    def _check_float_io(self, variant: Variant) -> None:
        """Raise `UsageError` where --io wants an integer input of a network whose first or last layers stay float32."""
        if self._io(variant) == "uint8":
            raise UsageError("--io uint8: this network's input and output stay float32 in an int8 file: leave it out")

    def _tflite(self, variant: Variant, calibration: Calibration | None, kept: tflite_convert.Kept) -> bytes:
        if variant.precision == "float32":
            return self._float_tflite
        if variant.precision == "float16":
            return halve_weights(self._float_tflite)
        inputs = calibration.inputs if calibration else None
        if calibration:
            tflite_convert.check_quantisable(self._float_tflite, variant.precision)
        io = self._io(variant)
        if kept.outputs:  # the first layer among them
            self._check_float_io(variant)
            io = "float32"
        if not kept.kinds:
            return tflite_convert.to_tflite(self.model, variant.precision, inputs, io, self.description.level)
        ranged = tflite_convert.with_ranges(self._float_tflite, inputs)
        release()
        return tflite_convert.partly_int8(ranged, kept, io)
