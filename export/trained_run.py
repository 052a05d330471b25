"""What is exported: a finished run, and the dataset it was trained on, checked to be the same."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.inputs import Inputs
from export.subject import OWN_RUN, Subject
from toolkit.artifact.card import feature_level
from toolkit.artifact.card_sections import DatasetCard, OriginCard, SplitCard
from toolkit.data.dataset import Index, Item, build_index
from toolkit.data.features import Windows, load_windows
from toolkit.data.listing import is_list
from toolkit.data.negatives import with_negatives
from toolkit.data.run_folder import Run, config_digest
from toolkit.errors import ArtifactError, DatasetError, RunError, UsageError
from toolkit.frontend.spec import FrontEnd
from toolkit.measure.metrics import confusion_matrix
from toolkit.measure.multi_label import label_scores

FIELDS = ("model", "classes", "data", "split", "front_end", "digest")
DATA_FIELDS = ("root", "kind", "digest", "synthetic")
GTZAN_NOTICE = (
    "Trained on GTZAN, a research collection of excerpts of commercial recordings without cleared rights; some are "
    "repeated, mislabelled or distorted. The scores say which of its ten genres a sound resembles most, no more."
)
SYNTHETIC_NOTICE = "Trained on synthetic sounds: it knows no music, and its scores for music mean nothing."
MOVED_SHARE = 0.02
"""Other processors and precisions round differently: so many labels may differ from those the run counted."""


@dataclass(frozen=True)
class Source:
    """A finished run and its dataset; `classes` are in the order of the network's output."""

    run: Run
    index: Index
    front_end: FrontEnd
    classes: tuple[str, ...]

    def items(self, part: str) -> tuple[Item, ...]:
        """Return the items of a part ("train", "validation") in the split's order."""
        return tuple(self.index.by_name[name] for name in getattr(self.run.split, part))

    @property
    def subject(self) -> Subject:
        """What the run's files say of it on their cards."""
        config, split = self.run.config, self.run.split
        return Subject(
            name=config["model"],
            labels=self.classes,
            front_end=self.front_end,
            level=feature_level(self.front_end),
            run_digest=config["digest"],
            dataset=_dataset(config["data"]["synthetic"], self.index),
            split=SplitCard(split.name, split.seed, split.digest),
            activation="sigmoid" if self.multi_label else "softmax",
            thresholds=thresholds(self.run),
            min_confidence=self.run.min_confidence,
            origin=_origin(config.get("backbone")),
        )

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several classes."""
        return is_multi_label(self.run)

    def truth(self, items: Sequence[Item]) -> NDArray[np.bool_]:
        """Return which classes `items` are of, (n, classes)."""
        return np.array([[name in item.all_labels for name in self.classes] for item in items])

    def inputs(self, items: Sequence[Item]) -> Inputs:
        """Return what the network sees of the first windows of `items`, (n, ...)."""
        return self.windows(items).first

    def windows(self, items: Sequence[Item]) -> Windows:
        """Return what the network sees of all windows of `items`."""
        cache = self.run.config["data"].get("cache")
        return load_windows(self.index, items, self.front_end, Path(cache) if cache else None)

    def labels(self, items: Sequence[Item]) -> NDArray[np.int64]:
        """Return the class numbers of `items`, int64 (n,)."""
        numbers = {label: number for number, label in enumerate(self.classes)}
        return np.array([numbers[item.label] for item in items], np.int64)


def _origin(backbone: dict[str, str] | None) -> OriginCard:
    """Return where a run's network is from."""
    if backbone is None:
        return OWN_RUN
    return OriginCard("backbone", *(backbone[name] for name in ("origin", "licence", "address", "digest")))


def _dataset(synthetic: bool, index: Index) -> DatasetCard:
    if synthetic:
        return DatasetCard("synthetic sounds", index.digest, True, SYNTHETIC_NOTICE)
    if index.is_gtzan:
        return DatasetCard("GTZAN", index.digest, False, GTZAN_NOTICE)
    return DatasetCard(index.root.name, index.digest, False, "")


def open_source(run: Run, data: Path | None) -> Source:
    """Return a run with its dataset: `data`, or the folder that the run was trained on.

    Raises `RunError` if the run's files do not fit together, `DatasetError` if the dataset is not there or is not the
    one that the run was trained on, `UsageError` if `data` is no folder.
    """
    front_end = check_run(run)
    described: dict[str, Any] = run.config["data"]
    root = Path(data or described["root"])
    is_dataset = root.is_dir() or is_list(root)
    if data is not None and not is_dataset:
        raise UsageError(f"--data {root}: {'a file, not a folder or a list' if root.exists() else 'no such folder'}")
    if not is_dataset:
        raise DatasetError(
            f"{root}: no such dataset folder, where the run was trained; if it moved, say where with --data DIR"
        )
    try:
        options = {"group_by": described.get("group_by", ""), "multi_label": is_multi_label(run)}
        index = build_index(root, described["kind"], **options)
        if negatives := described.get("negatives"):
            index = with_negatives(index, Path(negatives))
    except DatasetError:
        raise DatasetError(
            f"{root}: not the dataset that {run.path} was trained on: name the original with --data DIR "
            f"(`python -m toolkit dataset {root}` lists what is there)"
        ) from None
    if index.digest != described["digest"]:
        raise DatasetError(
            f"{root}: not the dataset that {run.path} was trained on ({len(index.items)} items here, "
            f"{described.get('items', '?')} then; files, names or contents differ): "
            "name the original with --data DIR, or train again"
        )
    if index.classes != tuple(run.config["classes"]):
        raise RunError(f"{run.path}: its classes are not those of its dataset: train the run again")
    return Source(run, index, front_end, index.classes)


def check_run(run: Run) -> FrontEnd:
    """Return the front end of a run whose configuration is whole; raise `RunError` where it is not."""
    for name, value, fields in (("", run.config, FIELDS), ("data.", run.config.get("data"), DATA_FIELDS)):
        for field in fields:
            if not isinstance(value, dict) or field not in value:
                raise RunError(f"{run.path}: config.json has no {name}{field}: train the run again")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", str(run.config["model"])):
        raise RunError(
            f"{run.path}: config.json names the model {run.config['model']!r}, which cannot be a file's name"
        )
    if run.config["split"].get("digest") != run.split.digest:
        raise RunError(f"{run.path}: split.json is not the split that config.json names: train the run again")
    if not run.split.validation:
        raise RunError(f"{run.path}: the split has no validation part, so that an exported file could not be checked")
    try:
        front_end = FrontEnd.from_dict(run.config["front_end"])
    except ArtifactError as error:
        raise RunError(f"{run.path}: config.json, front_end: {error}") from None
    if config_digest(run.config) != run.config["digest"]:
        raise RunError(f"{run.path}: config.json was edited (its digest does not fit its content): train the run again")
    return front_end


def is_multi_label(run: Run) -> bool:
    """Return whether a run's clips may have several classes."""
    return bool(run.config.get("multi_label", False))


def thresholds(run: Run) -> tuple[float, ...]:
    """Return from which score on each class applies; none of a run whose clips have one class.

    Raises `RunError` where the run's metrics have no such numbers.
    """
    if not is_multi_label(run):
        return ()
    try:
        values = tuple(float(run.metrics["thresholds"][name]) for name in run.config["classes"])
        if not all(0 <= value <= 1 for value in values):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise RunError(
            f"{run.path}: metrics.json has no thresholds from 0 to 1 of its classes: train it again"
        ) from None
    return values


def layer_classes(run: Run) -> dict[str, str]:
    """Return the class of every Keras layer in a run's model by the layer's name, in order, read without TensorFlow.

    Raises `RunError` if the file is no Keras model, or was damaged.
    """
    try:
        with zipfile.ZipFile(run.model_path) as archive:
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"{damaged} in it is damaged")
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
            return {layer["config"]["name"]: layer["class_name"] for layer in layers}
    except Exception as error:  # zipfile, zlib and json fail in a dozen ways on damaged bytes
        raise RunError(f"{run.model_path}: not a Keras model ({error}): train the run again") from None


def check_model(run: Run, probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    """Raise `RunError` unless the model answers the validation inputs as it did when the run was finished.

    The confusion matrix that the run's metrics keep is the witness: a model file of another run, of another seed say,
    has another one. `probabilities` (n, classes) are the model's for the validation inputs, `labels` (n,) theirs.
    """
    confusion = confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    try:
        measured = run.metrics["validation"]
        recorded = np.array(measured.get("windows", measured)["confusion"], np.int64).reshape(confusion.shape)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise RunError(f"{run.path}: metrics.json has no confusion matrix that fits the run: train it again") from None
    _check_moved(run, int(np.abs(confusion - recorded).sum()) // 2, len(labels), "validation inputs get another label")


def check_multi_label_model(run: Run, probabilities: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
    """Raise `RunError` as `check_model`; the witness is how often each class applies, and how often rightly."""
    scores = label_scores(probabilities, truth, thresholds(run))
    try:
        measured = run.metrics["validation"]
        per_class = measured.get("windows", measured)["per_class"]
        recorded = np.array(
            [[int(per_class[name][key]) for key in ("active", "hits")] for name in run.config["classes"]]
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise RunError(f"{run.path}: metrics.json has no counts that fit the run: train it again") from None
    moved = np.abs(np.array([[score.active, score.hits] for score in scores]) - recorded).max(axis=1).sum()
    _check_moved(run, int(moved), int(truth.sum()), "validation labels apply otherwise")


def _check_moved(run: Run, moved: int, n: int, what: str) -> None:
    if moved > max(1, MOVED_SHARE * n):
        raise RunError(
            f"{run.model_path}: not the model that this run's metrics were measured on ({moved} or more of {n} {what} "
            "than then): put the run's own model.keras back, or train the run again"
        )
