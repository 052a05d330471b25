"""`python -m runtime attach`: put a card on a model file that was made elsewhere.

The file is opened and run once before anything is written: what an engine here cannot run has no card.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from runtime.engines.inspect import Tensors, inspected, precision_of
from runtime.engines.load import open_engine
from runtime.golden import golden_samples
from toolkit.artifact.axes import NATURAL, fitting_orders, shape
from toolkit.artifact.card import FORMAT_VERSION, Card, feature_level, input_shape
from toolkit.artifact.card_sections import DatasetCard, OriginCard, SplitCard, TensorCard
from toolkit.artifact.file import append_card, bare_model, has_card, model_digest
from toolkit.artifact.label_files import read_labels
from toolkit.errors import ArtifactError, UsageError
from toolkit.files import write_bytes
from toolkit.frontend.presets import front_end
from toolkit.frontend.spec import FrontEnd

UNKNOWN_LICENCE = "NOASSERTION"
"""What SPDX calls a licence that is not stated."""
THRESHOLD = 0.5
_SUM_SLACK = 1e-3
"""The outputs of a softmax add up to 1; int8 ones are half a step off each."""


@dataclass(frozen=True)
class AttachRequest:
    """A model file from elsewhere, and what is to stand on its card.

    Attributes
    ----------
    model, output
        The file, and the one to write.
    labels
        A text file of a label per line, or CSV with a column of names.
    front_end
        Name of a preset, or a JSON file.
    activation
        "softmax" or "sigmoid"; None for what the outputs look like.
    axes
        Order of the input's axes; None where it follows from the shape.
    threshold
        From which on a label of a multi-label model applies.
    precision
        One of a card's; None for what the file looks like.
    name, licence, url
        Of the network; None for the file's name and no statement.
    """

    model: Path
    output: Path
    labels: Path
    front_end: str
    activation: str | None = None
    axes: tuple[str, ...] | None = None
    threshold: float | None = None
    precision: str | None = None
    name: str | None = None
    licence: str | None = None
    url: str = ""


def attach(request: AttachRequest) -> Card:
    """Write the model with a card and return that; raise a `GtzanetError` where they do not fit together."""
    spec, labels = front_end(request.front_end), read_labels(request.labels)
    source = _content(request)
    content = bare_model(source, request.model)
    tensors = inspected(request.model, content)
    _check_labels(request, tensors, len(labels))
    level, axes = _level_and_axes(request, spec, tensors.input.shape)
    draft = Card(
        format_version=FORMAT_VERSION,
        model=request.name or request.model.stem,
        labels=labels,
        front_end=spec,
        input_level=level,
        input=_card_of(tensors, "input", ", ".join(axes or NATURAL[level])),
        output=_card_of(tensors, "output", "batch, label; a score of each"),
        quantization=(request.precision or precision_of(content, tensors)).replace("float32", "none"),
        float_ops=(),
        layers={},
        calibration=None,
        fine_tuning=None,
        run_digest="",
        model_digest=model_digest(content),
        dataset=DatasetCard("", "", False, ""),
        split=SplitCard("", None, ""),
        accuracy=None,
        parity=None,
        temperature=1.0,
        licence=request.licence or UNKNOWN_LICENCE,
        versions={},
        axes=axes,
        origin=OriginCard(
            "foreign",
            request.model.name,
            request.licence or UNKNOWN_LICENCE,
            request.url,
            hashlib.sha256(source).hexdigest(),
        ),
    )
    card = _with_golden(request, content, draft)
    write_bytes(request.output, append_card(content, card))
    return card


def _content(request: AttachRequest) -> bytes:
    """Return the model's bytes, which have no card yet."""
    try:
        content = request.model.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{request.model}: cannot be read ({error.strerror or error})") from None
    if has_card(request.model, content):
        raise UsageError(f"{request.model}: it has a card already: attach one to the file it was made of")
    return content


def _check_labels(request: AttachRequest, tensors: Tensors, labels: int) -> None:
    output = tensors.output.shape
    if len(output) != 2 or output[0] != 1:
        raise ArtifactError(
            f"{request.model}: its output is {output}, not (1, labels): a score for each label is needed"
        )
    if output[1] != labels:
        raise ArtifactError(f"{request.labels}: {labels} labels, but {request.model} returns {output[1]} scores")


def _level_and_axes(
    request: AttachRequest, spec: FrontEnd, tensor_shape: tuple[int, ...]
) -> tuple[str, tuple[str, ...]]:
    """Return the input level and the order of axes with which a front end makes an input of a shape."""
    feature = feature_level(spec)
    levels = ("waveform", feature, *(("mel",) if feature == "picture" else ()))
    shapes = {level: input_shape(spec, level) for level in levels}
    if request.axes is not None:
        for level, natural in shapes.items():
            if set(request.axes) - {"batch", "channel"} == set(NATURAL[level]) - {"batch", "channel"}:
                return level, _stated_axes(request, level, natural, tensor_shape)
        raise UsageError(f"--axes {','.join(request.axes)}: name the axes of {' or '.join(_texts(shapes))}")
    orders = {level: fitting_orders(level, natural, tensor_shape) for level, natural in shapes.items()}
    fitting = [(level, order) for level, fits in orders.items() for order in fits]
    if not fitting:
        raise ArtifactError(
            f"{request.model}: its input is {tensor_shape}, but the front end {request.front_end} makes "
            f"{' or '.join(_texts(shapes))}: choose another --front-end"
        )
    if len(fitting) > 1:
        choices = " or ".join(",".join(order) for _, order in fitting)
        raise UsageError(
            f"{request.model}: the order of its input's axes {tensor_shape} is not clear: give --axes {choices}"
        )
    level, order = fitting[0]
    return level, () if order == NATURAL[level] else order


def _stated_axes(
    request: AttachRequest, level: str, natural: tuple[int, ...], tensor_shape: tuple[int, ...]
) -> tuple[str, ...]:
    axes = request.axes or ()
    text = f"--axes {','.join(axes)}"
    try:
        described = shape(level, natural, axes)
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from None
    if described != tensor_shape:
        raise UsageError(
            f"{text}: that is {described} with the front end {request.front_end}, but the input is {tensor_shape}"
        )
    return () if axes == NATURAL[level] else axes


def _texts(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    return [f"{natural} ({', '.join(NATURAL[level])})" for level, natural in shapes.items()]


def _card_of(tensors: Tensors, role: str, layout: str) -> TensorCard:
    tensor = tensors.input if role == "input" else tensors.output
    quantised = tensor.dtype != np.float32
    scale, zero_point = (tensor.scale, tensor.zero_point) if quantised else (None, None)
    return TensorCard(tensor.dtype.name, tensor.shape, layout, scale, zero_point)


def _with_golden(request: AttachRequest, content: bytes, draft: Card) -> Card:
    """Return the card with the activation and the golden samples of the model, which is run for that."""
    with TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        path = Path(folder) / request.model.name
        write_bytes(path, append_card(content, draft), durable=False)
        engine = open_engine(path, threads=1)
        golden = golden_samples(engine)
    outputs = np.array([sample.output for sample in golden.samples])
    _check_scores(request, outputs)
    slack = len(draft.labels) / 512 if draft.quantization == "int8" else _SUM_SLACK
    is_softmax = bool(np.all(np.abs(outputs.sum(axis=1) - 1) <= slack))
    activation = request.activation or ("softmax" if is_softmax else "sigmoid")
    if activation == "softmax" and not is_softmax:
        total = outputs.sum(axis=1).max()
        raise ArtifactError(f"{request.model}: its outputs add up to {total:.3g}, not 1: give --activation sigmoid")
    threshold = THRESHOLD if request.threshold is None else request.threshold
    thresholds = (threshold,) * len(draft.labels) if activation == "sigmoid" else ()
    if request.threshold is not None and not thresholds:
        raise UsageError("--threshold is for labels that do not exclude each other: give --activation sigmoid with it")
    return replace(draft, activation=activation, thresholds=thresholds, golden=golden)


def _check_scores(request: AttachRequest, outputs: NDArray[np.float64]) -> None:
    low, high = float(outputs.min()), float(outputs.max())
    if not np.isfinite(outputs).all() or low < 0 or high > 1:
        raise ArtifactError(
            f"{request.model}: its outputs are from {low:.3g} to {high:.3g}, so they are no probabilities: "
            "convert the network with its softmax or sigmoid"
        )
