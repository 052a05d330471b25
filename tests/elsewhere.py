"""Classifying in another Python, and comparing what it says with what is said here."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from runtime import Classifier
from toolkit.data.synthetic import CLASSES, clip

CLASSIFY = """
import json, sys
from runtime import Classifier
from toolkit.errors import EngineError
models, sounds = json.loads(sys.argv[1])
answers = {}
for model in models:
    try:
        classifier = Classifier.load(model, threads=1)
        answers[model] = [classifier.classify(sound).by_label() for sound in sounds]
    except EngineError as error:
        answers[model] = str(error)
print(json.dumps(answers))
"""


def write_sounds(folder: Path) -> list[str]:
    """Write three synthetic sounds, a usual one, a short one and a long one, and return their names."""
    for number, seconds in enumerate((30, 7, 50)):
        soundfile.write(folder / f"{number}.wav", clip(CLASSES[3 * number], 0, seconds=seconds), 22_050)
    return [str(path) for path in sorted(folder.glob("*.wav"))]


def refusals(
    python: Callable[..., str], models: Sequence[Path], sounds: Sequence[str], tolerance: float = 1e-3
) -> dict[str, str]:
    """Classify sounds with every model by `python(*words)`, which returns what it prints, and here.

    Asserts that the labels are the same, and the probabilities within a tolerance; returns what engines there say of
    models that they refuse, by the models' names.
    """
    names = [str(path) for path in models]
    answers = json.loads(python("-c", CLASSIFY, json.dumps([names, list(sounds)])))
    for name in names:
        if isinstance(answers[name], str):
            continue
        classifier = Classifier.load(name, threads=1)
        for sound, theirs in zip(sounds, answers[name], strict=True):
            ours = classifier.classify(sound).by_label()
            assert next(iter(theirs)) == next(iter(ours)), (name, sound)
            np.testing.assert_allclose([theirs[label] for label in ours], [*ours.values()], rtol=0, atol=tolerance)
    return {Path(name).name: answer for name, answer in answers.items() if isinstance(answer, str)}
