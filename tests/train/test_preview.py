"""The preview shows what a training's first step computes with, and its labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.train.test_config import make_config
from toolkit.frontend.presets import PRESETS
from train.config import Compute
from train.data import Part
from train.recipes import RECIPES

pytestmark = pytest.mark.slow

SPEC = replace(PRESETS["log-mel"], window_seconds=0.5)
RECIPE = replace(RECIPES["modern"], epochs=1, batch_size=6, augment="strong")


def part() -> Part:
    values = np.random.default_rng(1).uniform(-1, 1, (9, *SPEC.shape)).astype(np.float32)
    return Part(tuple(map(str, range(9))), values, np.arange(9, dtype=np.int32) % 2, np.arange(9), ())


def test_it_is_the_batch_of_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from train.augment.examples import Examples
    from train.fit import fit
    from train.preview import first_batch

    prepare, steps = Examples.__call__, []

    def recorded(*arguments: Any) -> Any:
        values, labels = prepare(*arguments)
        tf.numpy_function(lambda *arrays: steps.append(arrays), [values, labels], [])
        return values, labels

    config = make_config(model="edgenet", front_end=SPEC.to_dict(), recipe=RECIPE, compute=Compute(threads=2))
    read, labels, shown, soft = first_batch(config, part())
    monkeypatch.setattr(Examples, "__call__", recorded)
    fit(config, part(), part(), tmp_path, lambda _: None)
    assert len(steps) == 2, "steps of six items and of three"
    assert np.allclose(steps[0][0], shown, atol=1e-5) and np.allclose(steps[0][1], soft, atol=1e-6)
    order = [int(np.flatnonzero((part().values == item).all((1, 2, 3)))[0]) for item in read]
    assert len(set(order)) == 6 and labels.tolist() == [place % 2 for place in order]


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPES["paper"], batch_size=2)])
def test_a_plot_is_written(tmp_path: Path, recipe: Any) -> None:
    from train.preview import save_preview

    config = make_config(model="edgenet", front_end=SPEC.to_dict(), recipe=recipe)
    save_preview(config, part(), tmp_path / "batch.png")
    with Image.open(tmp_path / "batch.png") as picture:
        assert len(np.unique(np.asarray(picture))) > 100
    assert [path.name for path in tmp_path.iterdir()] == ["batch.png"]


def test_labels_are_names_with_their_shares() -> None:
    from train.preview import label_texts

    config = make_config(classes=("hum", "tap", "$x_1$"))
    assert label_texts(np.array([1, 2]), config) == ["tap", "$x_1$"]
    assert label_texts(np.array([[0.03, 0.67, 0.3], [0.94, 0.03, 0.03]]), config) == [
        "tap 0.67 + $x_1$ 0.30",
        "hum 0.94",
    ]
