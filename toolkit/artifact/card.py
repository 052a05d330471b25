"""The card of a model file: everything that is needed to use it and to judge it (see ARTIFACT.md)."""

import json
import math
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.artifact.card_sections import (
    AccuracyCard,
    CalibrationCard,
    DatasetCard,
    FineTuningCard,
    ParityCard,
    SplitCard,
    TensorCard,
)
from toolkit.artifact.text_checks import label_problems, text_problems
from toolkit.dataclass_json import MAX_INTEGER, StrictError, from_json, to_json
from toolkit.errors import ArtifactError
from toolkit.files import digest_of
from toolkit.frontend.spec import FrontEnd

FORMAT_VERSION = 1
INTEGER_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}
DTYPES = ("float32", *INTEGER_RANGES)
QUANTIZATIONS = ("none", "float16", "dynamic", "int8", "int16x8", "mixed")
INTEGER = ("int8", "int16x8")
CALIBRATED = (*INTEGER, "mixed")
INPUT_LEVELS = ("picture", "grid", "mel", "waveform")
LAYER_KINDS = ("float32", "dynamic", "int8")
MAX_ITEMS = 1_000_000_000
TEMPERATURES = (0.5, 10.0)
"""A few pictures cannot justify more."""


@dataclass(frozen=True)
class Card:
    """A model file's own description; the table in ARTIFACT.md says what each field means.

    A card that is built or read has fields that agree with each other, or it raises `ArtifactError`.
    """

    format_version: int
    model: str
    labels: tuple[str, ...]
    front_end: FrontEnd
    input_level: str
    input: TensorCard
    output: TensorCard
    quantization: str
    float_ops: tuple[str, ...]
    layers: dict[str, str]
    calibration: CalibrationCard | None
    fine_tuning: FineTuningCard | None
    run_digest: str
    model_digest: str
    dataset: DatasetCard
    split: SplitCard
    accuracy: AccuracyCard
    parity: ParityCard
    temperature: float
    licence: str
    versions: dict[str, str]

    def __post_init__(self) -> None:
        problem = next(_problems(self), None)
        if problem:
            raise ArtifactError(f"model card: {problem}")

    @property
    def precision(self) -> str:
        """Return "float32", or the name of the quantisation."""
        return "float32" if self.quantization == "none" else self.quantization

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON values."""
        return {name: to_json(getattr(self, name)) for name in self.__dataclass_fields__}

    def to_json(self) -> str:
        """Return the card as readable JSON text; equal cards give equal text."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    def digest(self) -> str:
        """Return the SHA-256 hex digest of the card's canonical JSON."""
        return digest_of(self.to_dict())

    @classmethod
    def from_dict(cls, value: Any) -> "Card":
        """Return the card that JSON values describe.

        Raise `ArtifactError` if the version or a field is unknown, one is missing or of a wrong type, or the fields
        contradict each other.
        """
        version = value.get("format_version") if isinstance(value, dict) else None
        if type(version) is int and version != FORMAT_VERSION and abs(version) < MAX_INTEGER:
            raise ArtifactError(
                f"model card: format version {version} is not known (only {FORMAT_VERSION} is): update gtzanet-edge"
            )
        try:
            return from_json(cls, value)
        except StrictError as error:
            raise ArtifactError(f"model card: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """Return the card in a JSON text; raises `ArtifactError` as `from_dict` does."""
        try:
            value = json.loads(text, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"model card: not JSON ({error})") from None
        return cls.from_dict(value)


def input_shape(spec: FrontEnd, level: str) -> tuple[int, ...]:
    """Return the shape of what a model accepts: one picture, mel spectrogram or waveform."""
    if level == "waveform":
        return (1, spec.fixed_samples)
    return (1, spec.n_mels, spec.fixed_frames) if level == "mel" else (1, *spec.shape)


def feature_level(spec: FrontEnd) -> str:
    """Return the input level of a network that sees what a front end computes: "picture" or "grid"."""
    return "picture" if spec.layout == "picture" else "grid"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a field is given twice")
    return value


def _problems(card: Card) -> Iterator[str]:
    """Yield what is wrong with a card whose fields have the right types."""
    if card.format_version != FORMAT_VERSION:
        yield f"format_version is {card.format_version}, not {FORMAT_VERSION}"
    if not card.model:
        yield "model is empty"
    yield from label_problems(card.labels)
    yield from text_problems("", card.to_dict())
    if card.quantization not in QUANTIZATIONS:
        yield f"quantization is {card.quantization!r}, not one of {', '.join(QUANTIZATIONS)}"
    if card.input_level not in INPUT_LEVELS:
        yield f"input_level is {card.input_level!r}, not one of {', '.join(INPUT_LEVELS)}"
    elif card.input_level in ("picture", "grid") and card.input_level != feature_level(card.front_end):
        yield f"input_level is {card.input_level!r}, but the front end's layout is {card.front_end.layout!r}"
    elif card.input.shape != (expected_shape := input_shape(card.front_end, card.input_level)):
        yield f"input.shape is {reprlib.repr(card.input.shape)}, but the front end makes {expected_shape}"
    if card.output.shape != (1, len(card.labels)):
        yield f"output.shape is {reprlib.repr(card.output.shape)}, but there are {len(card.labels)} labels"
    yield from _tensor_problems("input", card.input)
    yield from _tensor_problems("output", card.output)
    if (card.quantization in CALIBRATED) != (card.calibration is not None):
        yield f"calibration is given if, and only if, quantization is one of {', '.join(CALIBRATED)}"
    if card.quantization not in INTEGER and card.float_ops:
        yield f"float_ops are given, but quantization is none of {', '.join(INTEGER)}"
    if card.input_level in ("mel", "waveform") and card.input.dtype != "float32":
        yield f"input.dtype is {card.input.dtype}, but a {card.input_level} is float32"
    if (card.quantization == "mixed") != bool(card.layers):
        yield "layers are given if, and only if, quantization is mixed"
    if card.fine_tuning and (card.quantization != "int8" or card.fine_tuning.epochs < 1):
        yield f"fine_tuning is of {card.fine_tuning.epochs} epochs, but of one or more, for int8"
    for layer, kind in card.layers.items():
        if kind not in LAYER_KINDS:
            yield f"layers.{layer} is {kind!r}, not one of {', '.join(LAYER_KINDS)}"
    accuracy = card.accuracy
    if not 0 <= accuracy.correct <= accuracy.n or not 0 < accuracy.n <= MAX_ITEMS:
        yield f"accuracy counts {accuracy.correct} correct of {accuracy.n}"
    elif abs(accuracy.accuracy - accuracy.correct / accuracy.n) > 1e-9:
        yield f"accuracy is {accuracy.accuracy}, but {accuracy.correct} of {accuracy.n} are correct"
    if not TEMPERATURES[0] <= card.temperature <= TEMPERATURES[1]:
        yield f"temperature is {card.temperature}, not {TEMPERATURES[0]} to {TEMPERATURES[1]}"
    if not 0 <= card.parity.keras_correct <= accuracy.n:
        yield f"parity.keras_correct is {card.parity.keras_correct} of {accuracy.n}"
    low, high = accuracy.wilson95
    if not 0 <= low <= high <= 1:
        yield f"accuracy.wilson95 is {low} to {high}, not an interval within 0 to 1"


def _tensor_problems(name: str, tensor: TensorCard) -> Iterator[str]:
    if tensor.dtype not in DTYPES:
        yield f"{name}.dtype is {tensor.dtype!r}, not one of {', '.join(DTYPES)}"
    if (tensor.dtype == "float32") != (tensor.scale is None) or (tensor.scale is None) != (tensor.zero_point is None):
        yield f"{name} needs scale and zero_point if, and only if, it is an integer tensor"
    if tensor.scale is not None and not 0 < tensor.scale < math.inf:
        yield f"{name}.scale is {tensor.scale}, not above zero"
    least, most = INTEGER_RANGES.get(tensor.dtype, (-math.inf, math.inf))
    if tensor.zero_point is not None and not least <= tensor.zero_point <= most:
        yield f"{name}.zero_point is {tensor.zero_point}, not {least} to {most}"
