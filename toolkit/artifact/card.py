"""The card of a model file: everything that is needed to use it and to judge it (see ARTIFACT.md)."""

import json
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from toolkit.artifact import axes
from toolkit.artifact import card_checks as checks
from toolkit.artifact.card_sections import (
    AccuracyCard,
    CalibrationCard,
    DatasetCard,
    FineTuningCard,
    GoldenCard,
    OriginCard,
    ParityCard,
    SplitCard,
    TensorCard,
)
from toolkit.artifact.text_checks import label_problems, text_problems
from toolkit.dataclass_json import MAX_INTEGER, StrictError, from_json, to_json, unique_fields
from toolkit.errors import ArtifactError
from toolkit.files import digest_of
from toolkit.frontend.spec import FrontEnd

FORMAT_VERSION = 2
VERSIONS = (1, FORMAT_VERSION)
"""What is read; the newest is written."""
QUANTIZATIONS = ("none", "float16", "dynamic", "int8", "int16x8", "mixed")
INTEGER = ("int8", "int16x8")
CALIBRATED = (*INTEGER, "mixed")
INPUT_LEVELS = ("picture", "grid", "mel", "waveform")
EMBEDDING = "embedding"
"""The input level of a head, which accepts what its backbone returns."""
OPTIONAL = ("backbone", "min_confidence")
"""Fields that a card has only where they say something."""
LAYER_KINDS = ("float32", "dynamic", "int8")
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
    accuracy: AccuracyCard | None
    parity: ParityCard | None
    temperature: float
    licence: str
    versions: dict[str, str]
    activation: str = "softmax"
    thresholds: tuple[float, ...] = ()
    axes: tuple[str, ...] = ()
    origin: OriginCard = OriginCard("run", "", "", "", "")
    metrics: dict[str, float] = field(default_factory=dict)
    golden: GoldenCard | None = None
    backbone: str = ""
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        problem = next(_problems(self), None)
        if problem:
            raise ArtifactError(f"model card: {problem}")

    @property
    def precision(self) -> str:
        """Return "float32", or the name of the quantisation."""
        return "float32" if self.quantization == "none" else self.quantization

    @property
    def multi_label(self) -> bool:
        """Whether each label has a score of its own, so that several may apply to a sound."""
        return self.activation == "sigmoid"

    @property
    def is_embedding(self) -> bool:
        """Whether the output is a vector of features, which `labels` number, rather than scores."""
        return self.activation == checks.NO_ACTIVATION

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON values."""
        names = _field_names(self.format_version)
        return {name: to_json(getattr(self, name)) for name in names if name not in OPTIONAL or getattr(self, name)}

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
        if type(version) is int and version not in VERSIONS and abs(version) < MAX_INTEGER:
            raise ArtifactError(
                f"model card: format version {version} is not known (only {' and '.join(map(str, VERSIONS))} are): "
                "update gtzanet-edge"
            )
        is_first = type(version) is int and version == 1
        absent = [name for name in OPTIONAL if name not in value] if isinstance(value, dict) else []
        try:
            names = _field_names(1 if is_first else FORMAT_VERSION)
            return from_json(cls, value, names=[name for name in names if name not in absent])
        except StrictError as error:
            raise ArtifactError(f"model card: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """Return the card in a JSON text; raises `ArtifactError` as `from_dict` does."""
        try:
            value = json.loads(text, object_pairs_hook=unique_fields)
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"model card: not JSON ({error})") from None
        return cls.from_dict(value)


def _field_names(version: int) -> tuple[str, ...]:
    """Return the names of a version's fields: those of version 1 have no default."""
    fields = Card.__dataclass_fields__.values()
    return tuple(field.name for field in fields if version > 1 or field.default is field.default_factory)


def input_shape(spec: FrontEnd, level: str) -> tuple[int, ...]:
    """Return the shape of what a model accepts: one picture, mel spectrogram or waveform."""
    if level == "waveform":
        return (1, spec.fixed_samples)
    return (1, spec.n_mels, spec.fixed_frames) if level == "mel" else (1, *spec.shape)


def feature_level(spec: FrontEnd) -> str:
    """Return the input level of a network that sees what a front end computes: "picture" or "grid"."""
    return "picture" if spec.layout == "picture" else "grid"


def _problems(card: Card) -> Iterator[str]:
    """Yield what is wrong with a card whose fields have the right types."""
    if card.format_version not in VERSIONS:
        yield f"format_version is {card.format_version}, not {' or '.join(map(str, VERSIONS))}"
    elif card.format_version == 1:
        yield from _version_1_problems(card)
    if not card.model:
        yield "model is empty"
    yield from label_problems(card.labels)
    yield from text_problems("", card.to_dict())
    if card.quantization not in QUANTIZATIONS:
        yield f"quantization is {card.quantization!r}, not one of {', '.join(QUANTIZATIONS)}"
    yield from _input_problems(card)
    if card.output.shape != (1, len(card.labels)):
        yield f"output.shape is {reprlib.repr(card.output.shape)}, but there are {len(card.labels)} labels"
    yield from checks.tensor_problems("input", card.input)
    yield from checks.tensor_problems("output", card.output)
    yield from _quantization_problems(card)
    yield from checks.measured_problems(card.accuracy, card.parity)
    if not TEMPERATURES[0] <= card.temperature <= TEMPERATURES[1]:
        yield f"temperature is {card.temperature}, not {TEMPERATURES[0]} to {TEMPERATURES[1]}"
    yield from checks.activation_problems(card.activation, card.thresholds, card.temperature, len(card.labels))
    if not 0 <= card.min_confidence <= 1 or card.min_confidence and card.activation != "softmax":
        yield f"min_confidence is {card.min_confidence}, not 0 to 1, or not of a softmax"
    yield from checks.origin_problems(card.origin)
    yield from checks.golden_problems(card.golden, len(card.labels))


def _version_1_problems(card: Card) -> Iterator[str]:
    """Yield what version 1 cannot hold: a measurement that is missing, and fields of version 2 that say something."""
    for name in ("accuracy", "parity"):
        if getattr(card, name) is None:
            yield f"{name} is null, not an object"
    for name in set(card.__dataclass_fields__) - set(_field_names(1)):
        entry = card.__dataclass_fields__[name]
        empty = entry.default_factory() if callable(entry.default_factory) else entry.default
        if getattr(card, name) != empty:
            yield f"format_version is 1, which has no {name}"


def _input_problems(card: Card) -> Iterator[str]:
    if card.input_level == EMBEDDING:
        yield from checks.head_problems(card.input, card.axes, card.backbone)
        return
    if card.backbone:
        yield f"backbone is given, but input_level is {card.input_level!r}, not {EMBEDDING!r}"
    if card.input_level not in INPUT_LEVELS:
        yield f"input_level is {card.input_level!r}, not one of {', '.join((*INPUT_LEVELS, EMBEDDING))}"
        return
    if card.input_level in ("picture", "grid") and card.input_level != feature_level(card.front_end):
        yield f"input_level is {card.input_level!r}, but the front end's layout is {card.front_end.layout!r}"
        return
    natural = input_shape(card.front_end, card.input_level)
    try:
        expected_shape = axes.shape(card.input_level, natural, card.axes)
    except ValueError as error:
        yield f"axes are {', '.join(card.axes)}: {error}"
        return
    if card.input.shape != expected_shape:
        yield f"input.shape is {reprlib.repr(card.input.shape)}, but the front end makes {expected_shape}"


def _quantization_problems(card: Card) -> Iterator[str]:
    own = card.origin.kind != "foreign"
    if (
        card.calibration is not None
        and card.quantization not in CALIBRATED
        or (card.calibration is None and card.quantization in CALIBRATED and own)
    ):
        yield f"calibration is given if, and only if, quantization is one of {', '.join(CALIBRATED)}"
    if card.quantization not in INTEGER and card.float_ops:
        yield f"float_ops are given, but quantization is none of {', '.join(INTEGER)}"
    if card.input_level in ("mel", "waveform") and card.input.dtype != "float32" and own:
        yield f"input.dtype is {card.input.dtype}, but a {card.input_level} is float32"
    if card.quantization == "mixed" and not card.layers:
        yield "quantization is mixed, but layers are not given"
    if card.layers and card.quantization not in ("mixed", "int8"):
        yield "layers are given, but quantization is neither mixed nor int8"
    if card.fine_tuning and (card.quantization != "int8" or card.fine_tuning.epochs < 1):
        yield f"fine_tuning is of {card.fine_tuning.epochs} epochs, but of one or more, for int8"
    for layer, kind in card.layers.items():
        if kind not in LAYER_KINDS:
            yield f"layers.{layer} is {kind!r}, not one of {', '.join(LAYER_KINDS)}"
