"""A model's accuracy on a part of a dataset."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import accuracy as correctness
from benchmarks.measure.evaluation import EvaluationPart, find_part
from benchmarks.measure.journal import Journal
from benchmarks.measure.row import Row
from benchmarks.measure.settings import Settings, Stage
from runtime.engines.load import Engine
from toolkit.artifact.card import Card
from toolkit.data.dataset import Index
from toolkit.data.picture_cache import load_pictures
from toolkit.dataclass_json import from_json

JUDGED = ("judged_on", "dataset_digest", "split_digest", "accuracy", "detail", "status")
"""What `judge` adds to a row."""


class Pictures:
    """The dataset's pictures that models are judged on, each part read once."""

    def __init__(self, index: Index | None, settings: Settings, stage: Stage) -> None:
        """Read nothing yet; `last` are the pictures that were asked for last."""
        self.last: NDArray[np.uint8] | None = None
        self.stage = stage
        self._index, self._settings = index, settings
        self._read: dict[tuple[str, ...], NDArray[np.uint8]] = {}

    def part(self, card: Card) -> EvaluationPart:
        """Return what a model is to be judged on."""
        assert self._index is not None
        return find_part(card, self._index, self._settings.part, self._settings.split)

    def of(self, part: EvaluationPart) -> NDArray[np.uint8]:
        """Return a part's pictures, uint8 (n, 288, 432, 3)."""
        assert self._index is not None
        key = tuple(item.name for item in part.items)
        if key not in self._read:
            with self.stage(f"reading {len(key)} {self._index.kind}") as report:
                self._read[key] = load_pictures(self._index, part.items, self._settings.cache, report)
        self.last = self._read[key]
        return self.last


def judge(row: Row, engine: Engine, pictures: Pictures, journal: Journal) -> Row:
    """Return a model's row with its accuracy; the number of threads makes no difference to it."""
    card = engine.card
    part = pictures.part(card)
    seen = pictures.of(part)
    noted = journal.last("accuracy", row.file)
    if noted is not None:
        past = from_json(Row, noted)
        judged = {name: getattr(past, name) for name in JUDGED}
        return replace(row, **judged)
    with pictures.stage(f"accuracy of {Path(row.file).name}") as report:
        scores = correctness.predict(engine, seen, report)
    truth = part.truth(card.labels)
    measured = correctness.score(scores.argmax(axis=1), truth)
    row = replace(
        row,
        judged_on=f"{part.split}/{part.name}",
        dataset_digest=part.dataset_digest,
        split_digest=part.split_digest,
        accuracy=measured,
        detail=replace(correctness.detail(scores, truth, card), clips=tuple(item.digest for item in part.items)),
        status=_remark(card, part, measured),
    )
    journal.note("accuracy", row.file, asdict(row))
    return row


def _remark(card: Card, part: EvaluationPart, measured: correctness.Accuracy) -> str:
    """Return "ok", or what makes the accuracy doubtful."""
    on_card = card.accuracy
    if part.seen:
        return f"{part.seen} of {measured.n} were in its training part"
    if part.seen is None:
        return "its training part is not known here"
    same_samples = (part.split, part.name, measured.n) == (card.split.name, on_card.part, on_card.n)
    if same_samples and measured.correct != on_card.correct:
        return f"its card says {on_card.correct}/{on_card.n}"
    return "ok"
