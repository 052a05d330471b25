"""Sounds of a class that a head was not trained on, each class in turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.toolkit.trees import sound_tree
from toolkit.dataclass_json import from_json
from toolkit.errors import UsageError
from toolkit.measure.metrics import area_under_roc
from train.backbones.head import Fit, fit_head, measured_heads
from train.backbones.held_out import check_held_out, held_out_classes
from train.confidence import Unknown
from train.data import Part, open_dataset


def _part(seed: int, clips: int) -> Part:
    """Return clips of two windows around the centres of four classes, two of them near each other."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % 4
    owners = np.repeat(np.arange(clips), 2)
    centres = 4 * np.eye(4) + np.array([[0], [0], [0], [1]]) * 4 * np.eye(4)[2]
    values = (centres[labels[owners]] + rng.normal(size=(len(owners), 4))).astype(np.float32)
    names = tuple(map(str, range(clips)))
    return Part(names, values, labels.astype(np.int32), owners, names)


def _predicted(head: Any, part: Part) -> dict[str, Any]:
    means = part.clip_means(head.probabilities(part.values))
    return {"labels": part.clip_labels.tolist(), "probabilities": means.tolist()}


def test_each_class_is_unknown_to_a_head_on_the_others() -> None:
    training, parts = _part(0, 80), {"validation": _part(1, 60), "test": _part(2, 120)}
    head = fit_head(training, parts["validation"], 4)
    predicted = {name: _predicted(head, part) for name, part in parts.items()}
    result = held_out_classes(training, parts, head, predicted, 5.0)
    unknown = from_json(Unknown, result["unknown"])
    assert (unknown.part, unknown.unknown, unknown.source) == ("test", 120, "held-out classes")
    assert unknown.hours == pytest.approx(240 * 5 / 3600) and unknown.without == pytest.approx(720)
    assert 0.6 < unknown.auroc < 1
    assert 0 < unknown.false_alarms < 600 and unknown.kept > 0.85
    assert result["min_confidence"] > 0.5


def test_the_held_out_class_is_nowhere_in_training() -> None:
    """By hand for one class: its clips in training change nothing."""
    training, test = _part(0, 80), _part(2, 120)
    head = fit_head(training, test, 4)
    predicted = {"validation": _predicted(head, test)}
    result = held_out_classes(training, {"validation": test}, head, predicted, 5.0)
    areas = []
    for label in range(4):
        rest = training.of_clips(np.flatnonzero(training.clip_labels != label))
        names = [name for name in range(4) if name != label]
        remapped = np.array([names.index(at) for at in rest.clip_labels], np.int32)
        moved = Part(rest.names, rest.values, remapped, rest.clips, rest.recordings)
        (other,) = measured_heads(Fit.of(moved, 3).heads((head.chosen.strength,)), moved, moved)
        sure = test.clip_means(other.probabilities(test.values)).max(1)
        areas.append(area_under_roc(sure[test.clip_labels != label], sure[test.clip_labels == label]))
    assert result["unknown"]["auroc"] == pytest.approx(np.mean(areas), abs=0.03)  # at the temperature


def test_nothing_to_compare_is_refused(tmp_path: Path) -> None:
    root = sound_tree(tmp_path / "sounds", count=6)
    dataset = open_dataset(root, "audio", "held-out", seed=0, folds=3, fold=0, progress=lambda *_: None)
    with pytest.raises(UsageError, match="leaves one class of the two"):
        check_held_out(dataset)
    three = replace(dataset, index=replace(dataset.index, classes=(*dataset.index.classes, "other")))
    check_held_out(three)
    alone = replace(three, split=replace(dataset.split, test=dataset.split.test[:1]))
    with pytest.raises(UsageError, match="all held-out clips are of class "):
        check_held_out(alone)
