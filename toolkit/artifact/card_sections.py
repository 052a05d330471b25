"""The parts of a model file's card.

Named tuples with evaluated annotations are compiled faster than dataclasses, and a label from nothing waits for them.
"""

from typing import NamedTuple


class TensorCard(NamedTuple):
    """A model's input or output: real value = scale * (stored value - zero_point); both are None for float32."""

    dtype: str
    shape: tuple[int, ...]
    layout: str
    scale: float | None
    zero_point: int | None


class CalibrationCard(NamedTuple):
    """What ranges were measured on: `items` training pictures, `edges` synthetic ones; the digest of the manifest."""

    items: int
    edges: int
    digest: str


class FineTuningCard(NamedTuple):
    """How the network was trained further, with int8 rounding, before it was converted."""

    epochs: int
    learning_rate: float
    seed: int


class DatasetCard(NamedTuple):
    """What the network was trained on; `notice` says what that data allows and what the scores mean (may be empty)."""

    name: str
    digest: str
    synthetic: bool
    notice: str


class SplitCard(NamedTuple):
    """How the dataset was divided."""

    name: str
    seed: int | None
    digest: str


class OriginCard(NamedTuple):
    """Where the network is from: the run's own, or a file that others made, whose SHA-256 is `digest`.

    `kind` is "run", "keras" (a Keras file), "backbone" (a network that others trained, trained on) or "foreign" (a file
    that others converted). The texts may be empty.
    """

    kind: str
    name: str
    licence: str
    url: str
    digest: str


class GoldenSample(NamedTuple):
    """What the file must return, rounded to 6 decimals, for the input that `golden.golden_input` makes of a seed."""

    seed: int
    output: tuple[float, ...]


class GoldenCard(NamedTuple):
    """Samples that show whether a machine computes the file right; the inputs' values lie from `low` to `high`."""

    low: float
    high: float
    samples: tuple[GoldenSample, ...]


class AccuracyCard(NamedTuple):
    """Accuracy on a part of the dataset that it was not trained on, with a 95 % Wilson interval.

    It is that of this very file, or, of one for samples, of the file with the same network for pictures.
    """

    part: str
    n: int
    correct: int
    accuracy: float
    wilson95: tuple[float, float]


class ParityCard(NamedTuple):
    """This file (as in `AccuracyCard`) against the Keras model (fine-tuned or not) it was made from, on equal pictures.

    `max_abs` is the largest difference of a probability and `min_cosine` the smallest cosine between two rows of
    probabilities on `pictures` (the validation part, synthetic clips, noise, flat colours); `top1_agreement` is the
    share of equal labels on the validation part, on which the run's own network has `keras_correct` right.
    """

    pictures: int
    max_abs: float
    min_cosine: float
    top1_agreement: float
    keras_correct: int
