"""What a part's predictions are counted as: per clip as the runtime does, which way round, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.classifier import Classifier
from tests.cards import example_card
from tests.toolkit.trees import write_sound
from toolkit.frontend.spec import PICTURE
from toolkit.measure.metrics import wilson_interval
from train.config import Compute
from train.data import Part, load_part, open_dataset
from train.evaluate import measure, predictions

CLASSES = ("ant", "bee", "cat")
ANSWERS = [(0, 1), (0, 1), (0, 0), (1, 1), (2, 1), (2, 0)]
"""(true class, predicted class), in no way symmetric."""


def predicted(answers: list[tuple[int, int]], **more: Any) -> dict[str, Any]:
    rows = [[0.8 if k == guess else 0.1 for k in range(3)] for _, guess in answers]
    return {"names": [], "labels": [truth for truth, _ in answers], "probabilities": rows, **more}


def test_rows_are_true_and_columns_predicted() -> None:
    measured = measure(predicted(ANSWERS), CLASSES)
    assert measured["confusion"] == [[1, 2, 0], [0, 1, 0], [1, 1, 0]]
    assert measured["per_class"]["ant"] == {"precision": 0.5, "recall": 1 / 3, "f1": 0.4, "n": 3}
    assert measured["per_class"]["bee"] == {"precision": 0.25, "recall": 1.0, "f1": 0.4, "n": 1}
    assert (measured["correct"], measured["accuracy"], measured["blues_in_top5"]) == (2, 1 / 3, 1.0)
    assert measured["wilson95"] == list(wilson_interval(2, 6))
    assert "windows" not in measured and "recordings" not in measured


def test_takes_widen_the_intervals() -> None:
    """Six clips of two recordings, three each, say as much as two clips."""
    measured = measure(predicted(ANSWERS, recordings=["a", "a", "a", "b", "b", "b"]), CLASSES)
    assert measured["recordings"] == {"n": 2, "effective_n": 2.0}
    assert measured["accuracy"] == 1 / 3
    assert measured["wilson95"] == pytest.approx(wilson_interval(2 / 3, 2))
    narrow = measure(predicted(ANSWERS), CLASSES)["wilson95"]
    assert measured["wilson95"][0] < narrow[0] and measured["wilson95"][1] > narrow[1]


@pytest.mark.parametrize("right", [0, 7])
def test_all_or_none_right_has_an_interval(right: int) -> None:
    answers = [(1, 1 if n < right else 0) for n in range(7)]
    measured = measure(predicted(answers, recordings=list("aabbbcd")), CLASSES)
    low, high = measured["wilson95"]
    assert (low, high)[right > 0] == (right > 0) and high - low > 0.4


def test_windows_are_counted_beside_clips() -> None:
    measured = measure(predicted(ANSWERS[:2], windows=predicted(ANSWERS)), CLASSES)
    assert (measured["n"], measured["windows"]["n"], measured["windows"]["correct"]) == (2, 6, 2)
    assert measured["windows"]["confusion"] == [[1, 2, 0], [0, 1, 0], [1, 1, 0]]


class Loudness:
    """An engine whose scores depend on the whole picture."""

    name, threads, card = "test", 1, example_card(labels=CLASSES)

    def run(self, batch: np.ndarray) -> np.ndarray:
        thirds = batch.reshape(len(batch), 288, 3, -1).astype(np.float64).mean((1, 3)) ** 4
        return (thirds / thirds.sum(1, keepdims=True)).astype(np.float32)


def test_a_clip_is_classified_as_the_runtime_does(tmp_path: Path) -> None:
    """The windows, their order and their mean are the runtime's, for a short clip, a long one and a whole number."""
    for label in CLASSES:
        for n, seconds in enumerate((2, 75, 60, 30.9)):
            write_sound(tmp_path / "data" / label / f"clip{n}.wav", n, seconds)

    def quiet(*_: Any) -> None:
        return None

    dataset = open_dataset(tmp_path / "data", None, "stratified", seed=0, folds=2, fold=0, progress=quiet)
    part = load_part(dataset, tuple(f"ant/clip{n}.wav" for n in range(4)), PICTURE, tmp_path / "cache", quiet)
    assert np.bincount(part.clips).tolist() == [1, 3, 2, 1]
    assert part.labels.tolist() == [0] * 7 and part.has_long_clips
    classifier = Classifier(Loudness())
    means = part.clip_means(Loudness().run(part.values))
    for name, mean in zip(part.names, means, strict=True):
        result = classifier.classify(tmp_path / "data" / name).by_label()
        np.testing.assert_allclose([result[label] for label in CLASSES], mean, rtol=1e-6)


@pytest.mark.parametrize("recordings", [("a", "a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("clips", [[0, 1, 2, 2], [0, 1, 2]])
def test_predictions_have_seven_digits_and_name_recordings_and_windows_where_there_are_several(
    recordings: tuple[str, ...], clips: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part(("x", "y", "z"), np.zeros((len(clips), 1)), np.array([0, 1, 1]), np.array(clips), recordings)
    scores = np.full((len(clips), 2), 1 / 3)
    scores[-1] = 0.123456789, 1e-8
    from train import feed, fit, step  # all of them before one is changed: they import from each other

    monkeypatch.setattr(feed, "make_feed", lambda part, device: part)
    monkeypatch.setattr(step, "make_predict_step", lambda model, compute, multi_label: model)
    monkeypatch.setattr(fit, "predict_all", lambda step, feed, items: (scores[:items], None))
    value = predictions(None, part, Compute())
    several = len(clips) > 3
    last = [0.2283951, 0.1666667] if several else [0.1234568, 0.0]
    assert value["names"] == ["x", "y", "z"] and value["labels"] == [0, 1, 1]
    assert value["probabilities"] == [[0.3333333, 0.3333333]] * 2 + [last]
    assert value.get("recordings") == (list(recordings) if recordings == ("a", "a", "b") else None)
    windows = {"clips": clips, "labels": [0, 1, 1, 1]}
    assert {key: value.get("windows", {}).get(key) for key in windows} == (
        windows if several else dict.fromkeys(windows)
    )


def test_one_window_per_clip_changes_no_bit() -> None:
    values = np.random.default_rng(0).random((5, 3), np.float32)
    part = Part(tuple("abcde"), values, np.zeros(5, np.int32), np.arange(5), tuple("abcde"))
    assert np.array_equal(part.clip_means(values), values.astype(np.float64)) and not part.has_long_clips
    assert np.mean(part.clip_means(values[:, 0])) == np.mean(values[:, 0], dtype=np.float64)
