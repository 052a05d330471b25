"""An audio file to its answer: label, probabilities and timeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from runtime.classifier import Classifier
from runtime.output import as_json
from runtime.reading import Reading
from runtime.stream.events import Settings
from runtime.timeline import events as timeline
from toolkit.audio.decode import Sound, stream
from toolkit.errors import AudioError

LONGEST_SECONDS = 600
"""Of a file: its samples are in memory."""


def read_short(path: Path, rate: int) -> Sound:
    """Return a file as mono samples at `rate`; raise `AudioError` without the path if it is unreadable or too long."""
    warnings: list[str] = []
    blocks, size = [], 0
    try:
        for block in stream(path, rate, warnings):
            blocks.append(block)
            size += len(block)
            if size > LONGEST_SECONDS * rate:
                raise AudioError(f"it is longer than {LONGEST_SECONDS} s: cut it first")
    except AudioError as error:
        raise AudioError(str(error).replace(f"{path}: ", "")) from None
    return Sound(np.concatenate(blocks), tuple(dict.fromkeys(warnings)))


def answer(classifier: Classifier, sound: Sound, settings: Settings) -> dict[str, Any]:
    """Return what `--json` prints of a file, without its name, and `seconds` and the `events` of its timeline."""
    prediction = classifier.classify_reading(Reading(sound, {}), settings.silence)
    least = settings.rules.min_confidence
    least = classifier.card.min_confidence or None if least is None else least
    value: dict[str, Any] = json.loads(as_json("", prediction, least))
    del value["file"], value["windows"]
    events = timeline.events_of(classifier, [sound.samples], timeline.Settings(settings))
    return value | {
        "seconds": round(len(sound.samples) / classifier.card.front_end.sample_rate, 3),
        "events": [
            {
                "start": round(event.start, 3),
                "end": round(event.end, 3),
                "label": event.label,
                "score": round(event.score, 6),
            }
            for event in events
        ],
    }
