"""Which parts of a card contradict themselves; `toolkit.artifact.card.Card` checks itself with it."""

import math
import re
from collections.abc import Iterator

from toolkit.artifact.card_sections import AccuracyCard, GoldenCard, OriginCard, ParityCard, TensorCard

INTEGER_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}
DTYPES = ("float32", *INTEGER_RANGES)
ACTIVATIONS = ("softmax", "sigmoid")
NO_ACTIVATION = "none"
"""That of an output which is no scores but an embedding."""
ORIGINS = ("run", "keras", "backbone", "foreign")
MAX_ITEMS = 1_000_000_000
MAX_SAMPLES = 16
MAX_SEED = (1 << 32) - 1


def tensor_problems(name: str, tensor: TensorCard) -> Iterator[str]:
    """Yield what is wrong with an input or output."""
    if tensor.dtype not in DTYPES:
        yield f"{name}.dtype is {tensor.dtype!r}, not one of {', '.join(DTYPES)}"
    if (tensor.dtype == "float32") != (tensor.scale is None) or (tensor.scale is None) != (tensor.zero_point is None):
        yield f"{name} needs scale and zero_point if, and only if, it is an integer tensor"
    if tensor.scale is not None and not 0 < tensor.scale < math.inf:
        yield f"{name}.scale is {tensor.scale}, not above zero"
    least, most = INTEGER_RANGES.get(tensor.dtype, (-math.inf, math.inf))
    if tensor.zero_point is not None and not least <= tensor.zero_point <= most:
        yield f"{name}.zero_point is {tensor.zero_point}, not {least} to {most}"


def head_problems(tensor: TensorCard, axes: tuple[str, ...], backbone: str) -> Iterator[str]:
    """Yield what is wrong with the input of a head, and the digest of the backbone that it is for."""
    if tensor.dtype != "float32" or len(tensor.shape) != 2 or tensor.shape[0] != 1 or tensor.shape[1] < 1 or axes:
        yield f"the input of a head is {tensor.dtype} {tensor.shape}, not float32 (1, features)"
    if not re.fullmatch("[0-9a-f]{64}", backbone):
        yield f"backbone is {backbone[:80]!r}, not a SHA-256 in hexadecimal"


def measured_problems(accuracy: AccuracyCard | None, parity: ParityCard | None) -> Iterator[str]:
    """Yield what is impossible in a file's measured values."""
    n = accuracy.n if accuracy else 0
    if parity and not 0 <= parity.keras_correct <= n:
        yield f"parity.keras_correct is {parity.keras_correct} of {n}"
    if not accuracy:
        return
    if not 0 <= accuracy.correct <= n or not 0 < n <= MAX_ITEMS:
        yield f"accuracy counts {accuracy.correct} correct of {n}"
    elif abs(accuracy.accuracy - accuracy.correct / n) > 1e-9:
        yield f"accuracy is {accuracy.accuracy}, but {accuracy.correct} of {n} are correct"
    low, high = accuracy.wilson95
    if not 0 <= low <= high <= 1:
        yield f"accuracy.wilson95 is {low} to {high}, not an interval within 0 to 1"


def activation_problems(
    activation: str, thresholds: tuple[float, ...], temperature: float, labels: int
) -> Iterator[str]:
    """Yield what does not go with the output's activation."""
    if activation not in (*ACTIVATIONS, NO_ACTIVATION):
        yield f"activation is {activation!r}, not one of {', '.join((*ACTIVATIONS, NO_ACTIVATION))}"
    count = labels if activation == "sigmoid" else 0
    if len(thresholds) != count:
        yield f"there are {len(thresholds)} thresholds, but {count} for {activation} and {labels} labels"
    if any(not 0 <= threshold <= 1 for threshold in thresholds):
        yield "a threshold is not within 0 to 1"
    if activation != "softmax" and temperature != 1:
        yield f"temperature is {temperature}, but 1 for {activation}"


def origin_problems(origin: OriginCard) -> Iterator[str]:
    """Yield what is wrong with where a network is from."""
    if origin.kind not in ORIGINS:
        yield f"origin.kind is {origin.kind!r}, not one of {', '.join(ORIGINS)}"
    if origin.digest and not re.fullmatch("[0-9a-f]{64}", origin.digest):
        yield f"origin.digest is {origin.digest[:80]!r}, not a SHA-256 in hexadecimal"


def golden_problems(golden: GoldenCard | None, labels: int) -> Iterator[str]:
    """Yield what is wrong with golden samples."""
    if golden is None:
        return
    if not golden.low < golden.high:
        yield f"golden values lie from {golden.low} to {golden.high}, which is no range"
    if not 1 <= len(golden.samples) <= MAX_SAMPLES:
        yield f"there are {len(golden.samples)} golden samples, not 1 to {MAX_SAMPLES}"
    for number, sample in enumerate(golden.samples):
        if not 0 <= sample.seed <= MAX_SEED:
            yield f"golden.samples[{number}].seed is {sample.seed}, not 0 to {MAX_SEED}"
        if len(sample.output) != labels:
            yield f"golden.samples[{number}].output has {len(sample.output)} values, but there are {labels} labels"
