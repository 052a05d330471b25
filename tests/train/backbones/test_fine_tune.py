"""Which layers are trained, and whether what comes of it is kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from tests.toolkit.trees import sound_tree
from tests.train.test_config import make_config
from toolkit.data.synthetic import write_corpus
from toolkit.errors import UsageError
from toolkit.files import read_json
from toolkit.frontend.presets import PRESETS
from train.backbones import fine_tune
from train.backbones import frozen as module
from train.backbones.fine_tune import trained_layers
from train.config import Compute
from train.data import Trained, open_dataset
from train.recipes import FINE_TUNING

SPEC = replace(PRESETS["efficientat"], window_seconds=0.1)
DRIVER = Path(__file__).parents[1] / "driver.py"


def _network() -> tf_keras.Model:
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.Input(SPEC.shape),
            layers.Conv2D(4, 3, 2, name="stem"),
            layers.BatchNormalization(name="stem_bn"),
            layers.Conv2D(4, 3, 2, name="block1_expand"),
            layers.BatchNormalization(name="block1_expand_bn"),
            layers.DepthwiseConv2D(3, padding="same", name="block1_depthwise"),
            layers.Conv2D(4, 1, name="last"),
            layers.GlobalAveragePooling2D(name="features"),
            layers.Dense(2, name="head"),
            layers.Activation("softmax", name="scores"),
        ],
        name="small",
    )


class Quiet:
    """Reports nothing."""

    def notice(self, sentence: str) -> None: ...

    def steps(self, what: str, done: int, total: int) -> None: ...

    def __call__(self, state: Any) -> None: ...


def test_the_last_blocks_and_the_head_are_trained_but_no_normalisation() -> None:
    model = _network()
    weighted = {layer.name for layer in model.layers if layer.weights}
    assert trained_layers(model, "1") & weighted == {"last", "head"}
    assert trained_layers(model, "2") & weighted == {"block1_expand", "block1_depthwise", "last", "head"}
    assert trained_layers(model, "all") & weighted == {"stem", "block1_expand", "block1_depthwise", "last", "head"}
    with pytest.raises(UsageError, match="--unfreeze 4: small has 3 blocks"):
        trained_layers(model, "4")


def test_too_many_blocks_are_refused_before_features_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_backbone", lambda _: _network())
    monkeypatch.setattr(module, "Extractor", None)
    unused: Any = None
    with pytest.raises(UsageError, match="--unfreeze 9: small has 3 blocks"):
        module.train_head(replace(make_config(), unfreeze="9"), unused, unused, unused, Quiet())


@pytest.mark.parametrize("right", [True, False])
def test_it_moves_what_it_may_and_is_kept_where_it_is_better(tmp_path: Path, right: bool) -> None:
    root = sound_tree(tmp_path / "sounds", count=24)
    dataset = open_dataset(root, "audio", "held-out", seed=0, folds=3, fold=0, progress=lambda *_: None)
    frozen = _network()
    recipe = replace(FINE_TUNING, epochs=2, learning_rate=0.01, augment="none")
    config = replace(
        make_config(data=dataset.data, split=dataset.split_config, classes=dataset.index.classes),
        recipe=recipe,
        front_end=SPEC.to_dict(),
        unfreeze="1",
        compute=Compute(),
    )
    labels = [int(name.startswith("tap")) for name in dataset.split.validation]
    before = {"labels": labels, "probabilities": [[1 - at, at] if right else [at, 1 - at] for at in labels]}
    kept = [array.copy() for array in frozen.get_weights()]
    tuned = fine_tune.fine_tune(config, dataset, frozen, before, tmp_path, tmp_path / "cache", Quiet())
    for array, ours in zip(kept, frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(array, ours)
    for layer in frozen.layers:
        pairs = zip(layer.get_weights(), tuned.model.get_layer(layer.name).get_weights(), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs) == (layer.name not in ("last", "head"))
    assert all(layer.trainable for layer in tuned.model.layers)
    assert len(tuned.history) == 2 and set(tuned.predicted) == {"validation", "test"}
    correct = round(tuned.compared["score"] * len(labels))
    if right:
        assert not tuned.compared["kept"] and tuned.compared["worse"] == len(labels) - correct
    else:
        assert tuned.compared["better"] == correct and tuned.compared["kept"] == (tuned.compared["p"] < 0.05)
        assert tuned.compared["kept"]  # one label for all is right on half


@pytest.mark.parametrize("kept", [True, False])
def test_the_run_is_that_of_the_network_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    result = {"better": 9, "worse": 2 if kept else 8, "p": 0.03, "kept": kept}
    tuned = fine_tune.FineTuned(_network(), [{"epoch": 1, "seconds": 2.0}], {"validation": {}}, result)
    monkeypatch.setattr(fine_tune, "fine_tune", lambda *_: tuned)
    frozen = Trained(_network(), [{"epoch": 1, "strength": 1.0, "seconds": 1.0}], {"validation": {"n": 1}})
    config = make_config()
    run = module._fine_tuned(config, None, frozen, tmp_path, None, Quiet())  # type: ignore[arg-type]
    chosen = tuned if kept else frozen
    assert run.model is chosen.model and run.history == chosen.history and run.predicted == chosen.predicted
    assert run.measured == {"fine_tuning": result, "seconds": 3.0}
    assert read_json(tmp_path / "fine-tuning.json") == tuned.history
    assert ("The frozen network is kept" in "".join(run.sections)) == (not kept)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, backbones: Path) -> None:
    write_corpus(tmp_path / "corpus", 3, 1.0, 0, lambda *_: None)
    fixed = ["--data", tmp_path / "corpus", "--cache", tmp_path / "cache", "--runs", tmp_path, "--window", "1"]
    words = ["mn04", *fixed, "--unfreeze", "2", "--epochs", "2", "--threads", "1", "--device", "cpu"]

    def drive(point: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(DRIVER), point, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    whole = drive("nowhere", *words, "--name", "whole")
    assert whole.returncode == 0, whole.stderr
    assert "the frozen network is kept" in whole.stdout
    assert drive("after-checkpoint", *words, "--name", "killed").returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "checkpoint.npz").exists()
    resumed = drive("nowhere", "--resume", tmp_path / "killed", "--cache", tmp_path / "cache")
    assert resumed.returncode == 0, resumed.stderr
    first, second = ((tmp_path / name / "model.keras").read_bytes() for name in ("whole", "killed"))
    assert first == second
    histories = [read_json(tmp_path / name / "fine-tuning.json") for name in ("whole", "killed")]
    for history in histories:
        for entry in history:
            del entry["seconds"]
    assert histories[0] == histories[1] and len(histories[0]) == 2
    assert read_json(tmp_path / "whole" / "metrics.json")["fine_tuning"]["kept"] is False
