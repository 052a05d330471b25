"""The job of `--timeline`: names to timelines, in one text or in a file for each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from runtime.classifier import Classifier
from runtime.output import Result
from runtime.sources import STDIN, STDIN_NAME, Raw, check_source
from runtime.stream.sliding_window import Stream
from runtime.timeline.events import Settings, events_of
from runtime.timeline.formats import FORMATS, Document, Timeline
from runtime.timeline.plot import plot
from runtime.timeline.source import file_source, raw_source
from runtime.timeline.spectrogram import Spectrogram
from toolkit.error_text import printable
from toolkit.errors import AudioError, UsageError
from toolkit.files import write_bytes
from toolkit.native_stderr import captured_stderr


@dataclass(frozen=True)
class TimelineRequest:
    """What to make timelines of, and where they go.

    Attributes
    ----------
    sources
        Names of audio files and folders, and "-" for raw samples on standard input.
    raw
        How those samples come.
    settings
        How sound becomes events.
    form
        One of `FORMATS`.
    strict
        Whether what is doubtful is an error.
    folder
        Where each timeline has a file of its own; None for one text.
    picture
        The PNG file to plot one sound's timeline to; None for none.
    """

    sources: tuple[str, ...]
    raw: Raw
    settings: Settings
    form: str
    strict: bool = False
    folder: Path | None = None
    picture: Path | None = None


def results(
    classifier: Classifier, request: TimelineRequest, document: Document, names: Sequence[str]
) -> Iterator[Result]:
    """Return what becomes of each name, in order; a sound that cannot be read does not end the others.

    Raises
    ------
    OSError
        If a file cannot be written, as the results are read.
    UsageError
        If names do not go together with the request, or its window or hop is out of range.
    """
    listening = request.settings.listening
    Stream(classifier, listening.hop_seconds, window_seconds=listening.window_seconds)  # which refuses their lengths
    return _results(classifier, request, document, zip(names, _targets(request, names), strict=True))


def _results(
    classifier: Classifier, request: TimelineRequest, document: Document, targets: Iterable[tuple[str, Path | None]]
) -> Iterator[Result]:
    for name, target in targets:
        try:
            timeline = _timeline(classifier, name, request)
        except AudioError as error:
            yield Result(name, error=str(error))
            continue
        if target is None:
            yield Result(timeline.name, document.add(timeline), timeline.warnings)
            continue
        own = Document(request.form, classifier.card, [name])
        text = "".join(f"{part}\n" for part in (own.header, own.add(timeline)) if part)
        write_bytes(target, text.encode("utf-8", "backslashreplace"))  # a file's name may be no text
        count = len(timeline.events)
        yield Result(
            timeline.name,
            f"{printable(timeline.name)}: {count} event{'' if count == 1 else 's'} in {printable(str(target))}",
            timeline.warnings,
        )


def _targets(request: TimelineRequest, names: Sequence[str]) -> list[Path] | list[None]:
    """Return the file for each name's timeline, below its folder's path from the folder that holds all of them."""
    if request.picture is not None and len(names) > 1:
        raise UsageError(f"--plot shows one file, and there are {len(names)}: name one")
    if request.folder is None:
        if request.form == "audacity" and len(names) > 1:
            raise UsageError(f"a label track is of one file, and there are {len(names)}: give --out FOLDER, too")
        return [None] * len(names)
    full = {name: os.path.abspath(name) for name in names if name != STDIN}
    base = os.path.commonpath([os.path.dirname(path) for path in full.values()] or [os.sep])
    below = [STDIN_NAME if name == STDIN else os.path.relpath(full[name], base) for name in names]
    seen = set[str]()
    for name, path in zip(names, below, strict=True):
        if path in seen:
            raise UsageError(f"{name}: it is given twice, but --out holds one file of each")
        seen.add(path)
    return [request.folder / f"{path}{FORMATS[request.form].suffix}" for path in below]


def _timeline(classifier: Classifier, name: str, request: TimelineRequest) -> Timeline:
    """Return one sound's timeline, and plot it where that is requested."""
    spec = classifier.card.front_end
    if name == STDIN:
        source, shown = raw_source(request.raw, spec.sample_rate), STDIN_NAME
    else:
        check_source(name)
        source, shown = file_source(name, spec.sample_rate), name
    spectrogram = None if request.picture is None else Spectrogram(spec)
    with captured_stderr() if name != STDIN else nullcontext():  # decoders have remarks of their own
        events = tuple(events_of(classifier, spectrogram.over(source) if spectrogram else source, request.settings))
    warnings = tuple(dict.fromkeys(source.warnings))
    if request.strict and warnings:
        raise AudioError(f"{shown}: refused by --strict: {warnings[0]}")
    card = classifier.card
    timeline = Timeline(shown, source.seconds, events, f"{card.model}-{card.precision}", warnings)
    if request.picture is not None and spectrogram is not None:
        plot(timeline, spectrogram, request.picture)
    return timeline
