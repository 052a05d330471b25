"""Endless sound to an embedding after every hop, as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runtime.classifier import Classifier
from runtime.stream.blocks import Blocks, Report
from runtime.stream.repair import repaired
from runtime.stream.sliding_window import Stream
from toolkit.audio.downmix import downmixed
from toolkit.audio.samples import Resampler


class Embedder(Classifier):
    """A model whose output is an embedding, to be streamed as one of labels is."""

    def probabilities(self, value: ArrayLike) -> NDArray[np.float64]:
        """Return the features, float64 (features,), for one of what `model_input` returns."""
        return np.asarray(self.engine.run(np.asarray(value, np.float32)[np.newaxis])[0], np.float64)


def embeddings(
    embedder: Embedder, blocks: Blocks, rate: int, hop_seconds: float | None, report: Report
) -> Iterator[str]:
    """Yield a JSON object per hop of the sound in `blocks`, samples (n, channels) at `rate`; None starts a new window.

    `at` is where the window ends and `seconds` how long it is, `level_db` that of the newest hop, and `features` a list
    of numbers; null where the hop is silence. Raises as `runtime.stream.events.listen`.
    """
    spec = embedder.card.front_end
    stream, resampler = Stream(embedder, hop_seconds), Resampler(rate, spec.sample_rate)
    for block in downmixed(repaired(blocks, report), rate, report):
        if block is None:
            stream, resampler = Stream(embedder, hop_seconds), Resampler(rate, spec.sample_rate)
            continue
        for result in stream.push(resampler.push(block)):
            features = result.probabilities
            value = {
                "at": round(result.end, 3),
                "seconds": round(result.seconds, 3),
                "level_db": round(result.level, 1),
                "features": features and [float(f"{feature:.6g}") for feature in features],
            }
            yield json.dumps(value)
