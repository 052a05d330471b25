"""One file to one row, in whichever process."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime.catalogue.objects import copied, is_url, object_at
from runtime.catalogue.row import Origin, Row, Settings, file_name, text
from runtime.catalogue.walk import Candidate, candidate_of
from runtime.classifier import Classifier
from runtime.output import state_of
from runtime.prediction import Prediction, State
from runtime.stream.sliding_window import Stream
from runtime.timeline.events import Event, events_of
from toolkit.audio.decode import read
from toolkit.errors import ArtifactError, GtzanetError
from toolkit.files import file_digest
from toolkit.native_stderr import captured_stderr


class FileClassifier:
    """A model file and settings that turn a file into its row.

    It can be pickled. Each process loads the model once, on one computing thread: processes are what runs in parallel.
    """

    def __init__(self, model: Path, settings: Settings, backbone: Path | None = None) -> None:
        """Load nothing yet; `backbone` is that of a head, by default the one beside it."""
        self.model, self.settings, self.backbone = model, settings, backbone
        self._classifier: Classifier | None = None
        self._origin: Origin | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_classifier": None}

    @property
    def origin(self) -> Origin:
        """Where its rows are from."""
        self.load()
        assert self._origin is not None
        return self._origin

    def load(self) -> Classifier:
        """Return the classifier, loaded once per process.

        Raises
        ------
        ArtifactError, EngineError, UsageError
            As `Classifier.load`; `UsageError` if the events' window or hop is out of range, and `ArtifactError` if the
            file is another than where this object was first loaded.
        """
        if self._classifier is None:
            with captured_stderr():  # engines announce their delegates there
                classifier = Classifier.load(self.model, threads=1, backbone=self.backbone)
            card, settings = classifier.card, self.settings
            if settings.events is not None:
                listening = settings.events.listening
                Stream(classifier, listening.hop_seconds, window_seconds=listening.window_seconds)  # refuses lengths
            if settings.min_confidence is None:
                settings = replace(settings, min_confidence=card.min_confidence or None)
            origin = Origin.of(card.digest(), f"{card.model}-{card.precision}", settings, card.labels)
            if self._origin not in (None, origin):
                raise ArtifactError(f"{self.model}: it changed during the run: run the command again")
            self._classifier, self._origin, self.settings = classifier, origin, settings
        return self._classifier

    def row(self, path: str) -> Row:
        """Return the row of a file or object; where it is no sound that can be read, the row has the reason.

        Raises
        ------
        OSError
            If the file cannot be reached: it is gone, or the disk or network that holds it fails.
        """
        if is_url(path):
            return self._row_of_object(path)
        status = os.stat(path)
        row = self.blank(candidate_of(path, status))
        try:
            if not stat.S_ISREG(status.st_mode):
                return row.failed("is no regular file")
            row = replace(row, digest=file_digest(Path(path)))
            with captured_stderr():  # decoders have remarks of their own
                return self._classified(row, path)
        except PermissionError as error:
            return row.failed(f"cannot be read ({error.strerror})")
        except OSError:
            raise
        except GtzanetError as error:
            return row.failed(str(error).removeprefix(f"{path}: "))
        except Exception as error:  # whatever one of a million files does to a decoder, the others go on
            return row.failed(f"{type(error).__name__}: {error}")

    def blank(self, file: Candidate) -> Row:
        """Return a file's row without a result."""
        return Row(file_name(file.path), file.size, file.mtime, model=self.origin.model, settings=self.origin.settings)

    def _row_of_object(self, url: str) -> Row:
        """Return the row of a copy on this machine, under the object's name."""
        item = object_at(url)
        with copied(url) as copy:
            return replace(self.row(str(copy)), file=file_name(url), size=item.size, mtime=item.mtime)

    def _classified(self, row: Row, path: str) -> Row:
        classifier, settings = self.load(), self.settings
        rate = classifier.card.front_end.sample_rate
        sound = read(Path(path), rate)
        prediction = classifier.classify(sound.samples, rate, silence=settings.silence)
        events = None if settings.events is None else tuple(events_of(classifier, [sound.samples], settings.events))
        state = state_of(prediction, settings.min_confidence)
        by_label = prediction.by_label()
        return replace(
            row,
            duration=round(len(sound.samples) / rate, 6),
            label=prediction.label if state is State.LABEL else str(state),
            labels=self._labels(prediction, state),
            confidence=None if prediction.silent else round(prediction.confidence, 6),
            probabilities={label: round(by_label[label], 6) for label in classifier.labels},
            events=None if events is None else tuple(map(_rounded, events)),
            warnings=tuple(map(text, (*sound.warnings, *prediction.warnings))),
        )

    def _labels(self, prediction: Prediction, state: State) -> tuple[str, ...]:
        if state is not State.LABEL:
            return ()
        single = prediction.active is None
        return (prediction.label,) if single else prediction.active_from(self.settings.min_confidence)


def _rounded(event: Event) -> Event:
    return Event(round(event.start, 3), round(event.end, 3), event.label, round(event.score, 6))
