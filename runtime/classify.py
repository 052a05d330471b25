"""Classify files, folders and raw samples, one after the other.

Named tuples are compiled faster than dataclasses, and a label from nothing waits for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from runtime.classifier import Classifier
from runtime.prediction import Prediction
from runtime.sources import STDIN, STDIN_NAME, Raw, Sources, check_source, expanded, read_stdin
from toolkit.errors import AudioError
from toolkit.native_stderr import captured_stderr


class FilesRequest(NamedTuple):
    """What to classify, and how the results are shown.

    Attributes
    ----------
    sources
        Names of audio files and folders, and "-" for raw samples on standard input.
    raw
        How those samples come.
    form
        "table", "json" or "csv".
    top
        Classes in a table; None for all.
    min_confidence
        The probability below which the label is "unknown"; None for 0, or a multi-label network's own thresholds. The
        command line puts the card's in its place.
    silence
        The level in decibels below which it is "silence".
    strict
        Whether what is doubtful is an error.
    """

    sources: tuple[str, ...]
    raw: Raw
    form: str
    top: int | None
    min_confidence: float | None
    silence: float
    strict: bool


class Outcome(NamedTuple):
    """One source: its name, and its prediction or why there is none."""

    name: str
    prediction: Prediction | None
    error: str = ""


def sources_of(request: FilesRequest) -> Sources:
    """Return the request's sources with every folder replaced by its audio files."""
    return expanded(request.sources)


def outcomes(classifier: Classifier, request: FilesRequest, names: list[str]) -> Iterator[Outcome]:
    """Yield what becomes of each name, in order; one that cannot be classified does not end the others."""
    for name in names:
        try:
            yield _predicted(classifier, name, request)
        except AudioError as error:
            yield Outcome(name, None, str(error))


def _predicted(classifier: Classifier, name: str, request: FilesRequest) -> Outcome:
    if name == STDIN:
        rate = classifier.card.front_end.sample_rate
        sound = read_stdin(request.raw, rate)
        return Outcome(STDIN_NAME, classifier.classify(sound, rate, silence=request.silence))
    check_source(name)
    with captured_stderr():  # decoders have remarks of their own
        prediction = classifier.classify(name, silence=request.silence)
    if request.strict and prediction.warnings:
        raise AudioError(f"{name}: refused by --strict: {prediction.warnings[0]}")
    return Outcome(name, prediction)
