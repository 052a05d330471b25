"""A model whose input is sound has the labels of its twin whose input a front end computes: pictures, or a grid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from export.probes import PROBE_HERTZ, PROBE_SEED, synthetic_sounds
from runtime.classifier import Classifier
from runtime.preprocess import model_input
from toolkit.audio.samples import to_mono_at
from toolkit.data import synthetic
from toolkit.data.synthetic_voices import RATE
from toolkit.errors import ArtifactError
from toolkit.frontend.spec import FrontEnd
from toolkit.frontend.windows import fitted

MAX_ABS = 0.02
"""Of a probability: a few pixels may differ by a colour or two, a grid's values by 0.02."""


@lru_cache(maxsize=1)
def sounds(spec: FrontEnd) -> dict[str, NDArray[np.float32]]:
    """Return sounds by name, one window of each: silence, noise and tones, and every class of the synthetic corpus."""
    samples = synthetic_sounds(spec, PROBE_SEED, PROBE_HERTZ)
    for label in synthetic.CLASSES:
        samples[f"synthetic {label}"] = to_mono_at(synthetic.clip(label, 1), RATE, spec.sample_rate)
    return {name: fitted(sound, spec) for name, sound in samples.items()}


def check_same(ours: Classifier, twin: Classifier, sounds: Mapping[str, NDArray[np.float32]]) -> None:
    """Raise `ArtifactError` unless two models agree on each sound (one window, as `fitted` returns it)."""
    for name, sound in sounds.items():
        our_scores, twin_scores = (
            classifier.scores(model_input(sound, classifier.card)) for classifier in (ours, twin)
        )
        off = float(np.abs(our_scores - twin_scores).max())
        if off > MAX_ABS or our_scores.argmax() != twin_scores.argmax():
            raise ArtifactError(
                f"refused: the {ours.card.input_level} model's label of {name} is {ours.labels[our_scores.argmax()]}, "
                f"the {twin.card.input_level} model's {twin.labels[twin_scores.argmax()]} "
                f"(largest difference {off:.2g}, limit {MAX_ABS:g})"
            )
