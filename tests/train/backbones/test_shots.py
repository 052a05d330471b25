"""Heads on a few clips per class: what is drawn, what is counted, and what is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.toolkit.trees import sound_tree
from toolkit.errors import UsageError
from toolkit.measure.metrics import wilson_interval
from train.backbones.head import Fit
from train.backbones.shots import check_shots, few_shot_curve, pooled, table
from train.config import FewShot
from train.data import Part, open_dataset

FEW = FewShot((1, 4), 10)


def _part(seed: int, clips: int, takes: int = 1) -> Part:
    """Return clips of two windows around the centres of three classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(clips) % 3
    owners = np.repeat(np.arange(clips), 2)
    centres = 2 * np.random.default_rng(7).normal(size=(3, 6))
    values = (centres[labels[owners]] + 2 * rng.normal(size=(len(owners), 6))).astype(np.float32)
    names = tuple(f"{seed}/{clip}" for clip in range(clips))
    return Part(
        names, values, labels.astype(np.int32), owners, tuple(str(clip // (3 * takes)) for clip in range(clips))
    )


def test_more_clips_are_better_and_the_seed_decides() -> None:
    parts = {"validation": _part(1, 60), "test": _part(2, 90)}
    value = few_shot_curve(FEW, _part(0, 24), parts, 3, seed=5)
    one, four = value["shots"]
    assert one["test"]["mean"] + 0.05 < four["test"]["mean"] <= 1
    assert one["test"]["draws95"][0] < one["test"]["mean"] < one["test"]["draws95"][1]
    assert one["test"]["mean"] == pytest.approx(np.mean(one["correct"]["test"]) / 90)
    assert value == few_shot_curve(FEW, _part(0, 24), parts, 3, seed=5)
    assert value != few_shot_curve(FEW, _part(0, 24), parts, 3, seed=6)
    assert "| 4 | test | " in "\n".join(table(value))


def test_each_class_has_as_many_clips_with_all_their_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Part] = []
    fit = Fit.of

    def recorded(part: Part, classes: int) -> Fit:
        drawn.append(part)
        return fit(part, classes)

    monkeypatch.setattr(Fit, "of", recorded)
    training = _part(0, 24)
    few_shot_curve(FEW, training, {"test": _part(1, 9)}, 3, 0)
    assert [len(part.names) for part in drawn] == [3] * 10 + [12] * 10
    assert len({part.names for part in drawn[:10]}) > 3
    for part in drawn:
        assert set(Counter(part.clip_labels.tolist()).values()) == {len(part.names) // 3}
        assert set(part.names) <= set(training.names)
        for place, name in enumerate(part.names):
            rows = training.values[training.clips == training.names.index(name)]
            np.testing.assert_array_equal(part.values[part.clips == place], rows)


def test_the_interval_is_that_of_recordings() -> None:
    value = few_shot_curve(FEW, _part(0, 24), {"test": _part(2, 90, takes=5)}, 3, 0)
    assert value["parts"]["test"] == {"n": 90, "effective_n": 6}
    at = value["shots"][0]["test"]
    assert at["wilson95"] == pytest.approx(wilson_interval(6 * at["mean"], 6))


def test_folds_are_one_curve() -> None:
    values = [few_shot_curve(FEW, _part(0, 24), {"test": _part(seed, 30 * seed)}, 3, 0) for seed in (1, 2)]
    value = pooled(values)
    assert value["parts"]["test"]["n"] == 90
    draws = [entry["shots"][1]["correct"]["test"] for entry in values]
    assert value["shots"][1]["correct"]["test"] == [a + b for a, b in zip(*draws, strict=True)]


def test_more_clips_than_a_class_has_are_refused(tmp_path: Path) -> None:
    def quiet(*_: Any) -> None:
        """Report nothing."""

    root = sound_tree(tmp_path, count=6)
    dataset = open_dataset(root, "audio", "held-out", seed=0, folds=3, fold=0, progress=quiet)
    check_shots(FewShot((1, 2), 5), dataset)
    with pytest.raises(UsageError, match=r"--shots 3: class hum has 2 training clips"):
        check_shots(replace(FEW, shots=(1, 3)), dataset)
