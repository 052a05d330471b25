"""A converted model is written, loaded again through the runtime and measured, before it is put in place."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from export.card import card_of_sound
from export.inputs import batch_of
from export.keras import Reference
from export.variants import Variant
from export.verify.layer_errors import first_wrong_layer
from export.verify.parity import Refused, measure, probabilities_of
from export.verify.waveform import check_same, sounds
from runtime.classifier import Classifier
from runtime.engines.load import open_engine
from runtime.golden import golden_samples
from toolkit.artifact.card import Card
from toolkit.artifact.file import append_card, read_card
from toolkit.errors import ArtifactError
from toolkit.files import write_bytes
from toolkit.native_stderr import captured_stderr

PART = "validation"
THREADS = 2
"""The same everywhere, so that the cards are."""


def checked_waveform_file(path: Path, content: bytes, twin_card: Card, variant: Variant) -> Card:
    """Replace the model in `path` by one with its front end inside; raise where the two differ."""
    draft = card_of_sound(twin_card, variant, content)
    with captured_stderr(), tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        twin_path = Path(folder) / path.name
        shutil.copyfile(path, twin_path)
        twin = Classifier.load(twin_path, threads=THREADS)
        write_bytes(path, append_card(content, draft))
        ours = Classifier.load(path, threads=THREADS)
        check_same(ours, twin, sounds(draft.front_end))
        card = replace(draft, golden=golden_samples(ours.engine))
        write_bytes(path, append_card(content, card))
    return card


def checked(
    path: Path,
    converted: bytes,
    draft: Card,
    expected: Reference,
    model: Any,
    max_drop: float,
    backbone: Path | None = None,
) -> Card:
    """Write the model to the temporary `path` with a card of its measured values; raise where it falls short.

    A head is measured behind its `backbone`.
    """
    write_bytes(path, append_card(converted, draft))
    with captured_stderr():
        engine = open_engine(path, threads=THREADS, backbone=backbone)
        probabilities = probabilities_of(engine, expected)
        try:
            measured = measure(engine.card, probabilities, expected, PART, max_drop)
        except Refused as refused:
            if backbone is not None:
                raise ArtifactError(f"{refused}; a run that trained its backbone, too, has no head alone") from None
            layer = first_wrong_layer(path, model, expected.inputs[refused.place], draft.precision)
            where = f"its values go wrong in the layer {layer}" if layer else "no single layer stands out"
            raise ArtifactError(f"{refused}; {where}") from None
        card = replace(
            draft,
            accuracy=measured.accuracy,
            parity=measured.parity,
            temperature=measured.temperature,
            metrics=measured.metrics,
            golden=golden_samples(engine),
        )
        write_bytes(path, append_card(converted, card))
        written = open_engine(path, threads=THREADS, backbone=backbone)
    again = written.run(batch_of(expected.inputs[0]))
    if read_card(path) != card or not np.allclose(again[0], probabilities[0], atol=1e-5):
        raise ArtifactError("refused: the written file does not read back as it was written")
    return card
