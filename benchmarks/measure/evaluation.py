"""Which clips a model is judged on, those of the split that its card names, and its accuracy on them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import accuracy
from benchmarks.measure.journal import Journal
from benchmarks.measure.row import Row
from runtime.engines.load import Engine
from toolkit.artifact.card import Card
from toolkit.data.dataset import Index, Item
from toolkit.data.duplicates import near_duplicates
from toolkit.data.features import load_windows
from toolkit.data.recordings import recordings
from toolkit.data.splits import Split, make_split
from toolkit.dataclass_json import from_json
from toolkit.errors import DatasetError
from toolkit.frontend.spec import FrontEnd
from toolkit.parallel import Progress

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Opens a stage of the work by its name and yields the function that reports how far it is."""
MOST_FOLDS = 10
JUDGED = ("judged_on", "dataset_digest", "split_digest", "accuracy", "detail", "status")
"""The fields of a row that judging fills."""


@dataclass(frozen=True)
class EvaluationPart:
    """The items of one part of a split; `seen` of them were in the model's training part (None: not known)."""

    split: Split
    name: str
    items: tuple[Item, ...]
    seen: int | None

    def truth(self, labels: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the items' class numbers, int64 (n,), in the order of a model's `labels`."""
        return np.array([labels.index(item.label) for item in self.items], np.int64)


def find_part(card: Card, index: Index, name: str, split: str | None = None) -> EvaluationPart:
    """Return the part `name` ("train", "validation" or "test") of the dataset to judge a model on.

    `split` is used instead of the model's own; items the model was trained on are then counted in `seen`.
    Raises `DatasetError` if the dataset has other classes, is not the one that the model's split was made on, or the
    part is empty.
    """
    if set(index.classes) != set(card.labels):
        raise DatasetError(
            f"{index.root}: its classes ({', '.join(index.classes)}) are not the model's ({', '.join(card.labels)}): "
            "name the dataset it was trained on with --data"
        )
    own = own_split(card, index)
    chosen = make_split(split, index, seed=card.split.seed or 0) if split is not None else own
    if chosen is None:
        raise DatasetError(
            f"{index.root}: the model's split ({card.split.name}) was made on other files: "
            "name the dataset it was trained on with --data (and --kind audio if it was its sounds), or name with "
            "--split which split to use here"
        )
    names = getattr(chosen, name)
    if not names:
        raise DatasetError(f"split {chosen.name} has no {name} part: choose another with --part")
    seen = None if own is None else len(set(own.train).intersection(names))
    return EvaluationPart(chosen, name, tuple(index.by_name[item] for item in names), seen)


def own_split(card: Card, index: Index) -> Split | None:
    """Return the split that the model was trained on, or None where this dataset does not have it.

    The card holds the split's name, seed and digest, not the fold of one with folds: the folds are tried.
    """
    stated = sorted({item.fold for item in index.items if item.fold is not None})
    numbers: list[tuple[int | None, int | None]] = [(None, None), *((None, fold) for fold in stated)]
    numbers += [(folds, fold) for folds in range(2, MOST_FOLDS + 1) for fold in range(folds)]
    alike = near_duplicates(index) if card.split.name == "held-out" else ()
    for folds, fold in numbers if card.split.name in ("stratified", "held-out") else numbers[:1]:
        with contextlib.suppress(DatasetError):  # too few tracks for so many folds, or a split that only GTZAN has
            split = make_split(card.split.name, index, seed=card.split.seed or 0, folds=folds, fold=fold, alike=alike)
            if split.digest == card.split.digest:
                return split
    return None


@dataclass
class Judge:
    """Judges models on a part of their own split, or of `split`; each part's pictures are read once.

    `cache` is the folder where features are kept. `pictures` are those of the last part, uint8 (n, 288, 432, 3).
    """

    index: Index
    part: str
    split: str | None
    cache: Path | None
    stage: Stage
    journal: Journal
    pictures: NDArray[np.uint8] | None = None
    _read: dict[tuple[tuple[str, ...], FrontEnd], NDArray[np.uint8]] = field(default_factory=dict)

    def judged(self, row: Row, engine: Engine) -> Row:
        """Return a model's row with its accuracy; the number of threads makes no difference to it."""
        card = engine.card
        part = find_part(card, self.index, self.part, self.split)
        names = tuple(item.name for item in part.items)
        inputs = (names, card.front_end)
        if inputs not in self._read:
            with self.stage(f"reading {len(names)} {self.index.kind}") as report:
                self._read[inputs] = load_windows(self.index, part.items, card.front_end, self.cache, report).first
        self.pictures = self._read[inputs]
        if noted := self.journal.last("accuracy", row.file):
            past = from_json(Row, noted)
            return replace(row, **{name: getattr(past, name) for name in JUDGED})
        with self.stage(f"accuracy of {Path(row.file).name}") as report:
            scores = accuracy.predict(engine, self.pictures, report)
        truth = part.truth(card.labels)
        takes = recordings(self.index.items)
        measured = accuracy.score(scores.argmax(axis=1), truth, [takes.get(name, name) for name in names])
        row = replace(
            row,
            judged_on=f"{part.split.name}/{part.name}",
            dataset_digest=self.index.digest,
            split_digest=part.split.digest,
            accuracy=measured,
            detail=accuracy.detail(scores, truth, card, tuple(item.digest for item in part.items)),
            status=_remark(card, part, measured),
        )
        self.journal.note("accuracy", row.file, asdict(row))
        return row


def _remark(card: Card, part: EvaluationPart, measured: accuracy.Accuracy) -> str:
    """Return "ok", or what makes the accuracy doubtful."""
    on_card = card.accuracy
    if part.seen:
        return f"{part.seen} of {measured.n} were in its training part"
    if part.seen is None:
        return "its training part is not known here"
    if on_card is None:
        return "ok"
    same_samples = (part.split.name, part.name, measured.n) == (card.split.name, on_card.part, on_card.n)
    if same_samples and measured.correct != on_card.correct:
        return f"its card says {on_card.correct}/{on_card.n}"
    return "ok"
