"""Classify files, folders and raw samples, one after the other.

Named tuples are compiled faster than dataclasses, and a label from nothing waits for both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runtime.classifier import Classifier
from runtime.prediction import Prediction
from runtime.reading import Ahead
from runtime.sources import STDIN, STDIN_NAME, Raw, Sources, check_source, expanded, read_stdin
from toolkit.artifact.file import read_model
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


def load(
    path: Path, source: str, engine: str | None, threads: int | None, backbone: Path | None
) -> tuple[Classifier, Ahead | None]:
    """Return the classifier of a model file, as `Classifier.load` does, and `source`, if a file, read meanwhile."""
    with captured_stderr():  # engines announce their delegates there, and decoders have remarks of their own
        model = read_model(path)
        first = Ahead(Path(source), model.card.front_end.sample_rate) if os.path.isfile(source) else None
        classifier = Classifier.load(path, engine=engine, threads=threads, backbone=backbone, model=model)
        if first:
            first.wait()
    return classifier, first


def sources_of(request: FilesRequest) -> Sources:
    """Return the request's sources with every folder replaced by its audio files."""
    return expanded(request.sources)


def outcomes(
    classifier: Classifier, request: FilesRequest, names: list[str], first: Ahead | None = None
) -> Iterator[Outcome]:
    """Yield what becomes of each name, in order; one that cannot be classified does not end the others.

    `first` is the file that the first of them names, where it is being read already.
    """
    for name in names:
        try:
            yield _predicted(classifier, name, request, first)
        except AudioError as error:
            yield Outcome(name, None, str(error))
        first = None


def _predicted(classifier: Classifier, name: str, request: FilesRequest, ahead: Ahead | None) -> Outcome:
    if name == STDIN:
        rate = classifier.card.front_end.sample_rate
        sound = read_stdin(request.raw, rate)
        return Outcome(STDIN_NAME, classifier.classify(sound, rate, silence=request.silence))
    check_source(name)
    with captured_stderr():  # decoders have remarks of their own
        if ahead:
            prediction = classifier.classify_reading(ahead.result(), request.silence)
        else:
            prediction = classifier.classify(name, silence=request.silence)
    if request.strict and prediction.warnings:
        raise AudioError(f"{name}: refused by --strict: {prediction.warnings[0]}")
    return Outcome(name, prediction)
