"""A backbone's features of clips: the same bits whoever computes them, and computed once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from tests.toolkit.trees import sound_tree
from toolkit.frontend.presets import PRESETS
from train.backbones import features
from train.backbones.features import BATCH, Extractor
from train.data import Dataset, Part, open_dataset

SPEC = replace(PRESETS["efficientat"], window_seconds=0.1, hop_seconds=0.05)


def quiet(*_: Any) -> None:
    """Report nothing."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = sound_tree(tmp_path_factory.mktemp("sounds"), count=6)
    return open_dataset(root, "audio", "held-out", seed=0, folds=3, fold=0, progress=quiet)


def _extractor(cache: Path, seed: int = 0, weights: str = "a") -> Extractor:
    tf_keras.utils.set_random_seed(seed)
    source = tf_keras.Input(SPEC.shape, name="grid")
    convolved = tf_keras.layers.Conv2D(3, 5, 2, name="conv")(source)
    mean = tf_keras.layers.GlobalAveragePooling2D(name="mean")(convolved)
    return Extractor(tf_keras.Model(source, mean, name="small"), SPEC, weights, cache)


def _all(extractor: Extractor, dataset: Dataset, names: tuple[str, ...] | None = None) -> Part:
    return extractor.part(dataset, names or tuple(dataset.index.by_name), "features", quiet)


def test_features_are_the_models_of_every_window(dataset: Dataset, tmp_path: Path) -> None:
    from train.data import load_part

    extractor = _extractor(tmp_path)
    part = _all(extractor, dataset)
    shown = load_part(dataset, tuple(dataset.index.by_name), SPEC, tmp_path, quiet)
    assert len(shown.values) > BATCH and len(shown.values) % BATCH
    np.testing.assert_array_equal(part.clips, shown.clips)
    np.testing.assert_array_equal(part.labels, shown.labels)
    np.testing.assert_allclose(part.values, extractor.model(shown.values).numpy(), rtol=1e-5, atol=1e-6)


def test_nothing_is_computed_twice(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _all(_extractor(tmp_path), dataset)
    monkeypatch.setattr(features, "load_windows", lambda *_: pytest.fail("read again"))
    again = _all(_extractor(tmp_path), dataset, dataset.split.train)
    kept = np.concatenate([first.values[first.clips == first.names.index(name)] for name in dataset.split.train])
    np.testing.assert_array_equal(again.values, kept)
    with pytest.raises(pytest.fail.Exception):
        _all(_extractor(tmp_path, weights="b"), dataset)


def test_bits_do_not_depend_on_what_is_computed_together(dataset: Dataset, tmp_path: Path) -> None:
    whole, name = _all(_extractor(tmp_path / "a"), dataset), dataset.index.items[-1].name
    alone = _all(_extractor(tmp_path / "b"), dataset, (name,))
    np.testing.assert_array_equal(alone.values, whole.values[whole.clips == len(whole.names) - 1])


def test_a_damaged_entry_is_computed_again(dataset: Dataset, tmp_path: Path) -> None:
    first = _all(_extractor(tmp_path), dataset)
    for path in tmp_path.glob("??/*.features"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    np.testing.assert_array_equal(_all(_extractor(tmp_path), dataset).values, first.values)
