"""The truncation study, with a classifier whose answer is known from the sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from benchmarks.studies.clip_length import cells, held_out, middle, study
from runtime.classifier import Classifier
from tests.cards import example_card
from toolkit.artifact.card_sections import SplitCard
from toolkit.data.dataset import Index, build_index
from toolkit.data.splits import make_split
from toolkit.errors import DatasetError, UsageError
from toolkit.frontend.picture import INTERIOR
from toolkit.frontend.spec import PICTURE

RATE = PICTURE.sample_rate


class DarkEngine:
    """Says "high" where the upper half of the picture is brighter, but "low" where half of it is black."""

    name, threads = "dark", 1
    card = example_card()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        inside = batch[0][INTERIOR].sum(axis=-1)
        half = len(inside) // 2
        high = (
            inside[:half].sum() > inside[half:].sum() and np.median(inside.sum(axis=0)) > 0.5 * inside.sum(axis=0).max()
        )
        return np.array([[0.9, 0.1] if high else [0.1, 0.9]], np.float32)


def tone(hertz: float, seconds: float, seed: int) -> NDArray[np.float32]:
    """Return a tone with a little noise."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.5 * np.sin(2 * np.pi * hertz * time) + 1e-3 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Index:
    root = tmp_path_factory.mktemp("clips")
    for label, hertz in (("high", 6000.0), ("low", 100.0)):
        (root / label).mkdir()
        for number in range(3):
            soundfile.write(root / label / f"{number}.flac", tone(hertz + number, 30, number), RATE)
    soundfile.write(root / "low" / "short.flac", tone(100, 2, 9), RATE)
    return build_index(root)


def test_each_policy_and_length_is_judged_on_the_same_clips(clips: Index) -> None:
    classifier = Classifier(DarkEngine())
    results = study(classifier, clips, clips.items, [5.0, 10.0], ["tile", "pad"], lambda done, total: None)
    named = {(result.seconds, result.policy): result for result in results}
    assert list(named) == [(None, ""), (5, "tile"), (5, "pad"), (10, "tile"), (10, "pad")]
    assert {result.accuracy.n for result in results} == {6}, "the clip of 2 s is left out"
    assert named[None, ""].agreement.accuracy == 1
    assert named[None, ""].accuracy.correct == 6
    assert named[5, "tile"].accuracy.correct == 6
    assert named[5, "pad"].accuracy.correct == 3, "silence over most of the picture makes the engine say low"
    assert named[5, "pad"].agreement.correct == 3


def test_middle_is_the_middle() -> None:
    samples = np.arange(100, dtype=np.float32)
    assert middle(samples, 2, 10).tolist() == list(range(40, 60))
    assert len(middle(samples, 20, 10)) == 100


@pytest.mark.parametrize("seconds", [0.0, -1.0, 29.5, 40.0, float("nan")])
def test_lengths_that_fill_nothing_are_refused(clips: Index, seconds: float) -> None:
    with pytest.raises(UsageError, match="--seconds"):
        study(Classifier(DarkEngine()), clips, clips.items, [seconds], ["tile"], lambda done, total: None)


def test_clips_that_are_all_too_short_are_refused(clips: Index) -> None:
    short = [item for item in clips.items if "short" in item.name]
    with pytest.raises(DatasetError, match="no clip is as long as"):
        study(Classifier(DarkEngine()), clips, short, [5.0], ["tile"], lambda done, total: None)


def test_clips_that_the_model_was_trained_on_are_left_out(clips: Index) -> None:
    split = make_split("stratified", clips, folds=3, fold=1)
    card = replace(example_card(), split=SplitCard("stratified", 0, split.digest))
    assert tuple(item.name for item in held_out(card, clips, clips)) == split.validation


def test_a_model_of_another_dataset_is_refused(clips: Index) -> None:
    with pytest.raises(DatasetError, match="which clips it was trained on is not known"):
        held_out(example_card(), clips, clips)


def test_rows_say_what_short_clips_are(clips: Index) -> None:
    results = study(Classifier(DarkEngine()), clips, clips.items[:4], [5.0], ["stretch"], lambda done, total: None)
    assert [cells(result)[:2] for result in results] == [("full clip", "-"), ("5", "stretched over the picture")]


def test_folder_is_named(tmp_path: Path, clips: Index) -> None:
    with pytest.raises(DatasetError, match="classes are not high, mid, low"):
        held_out(example_card(labels=("high", "mid", "low")), clips, clips)
