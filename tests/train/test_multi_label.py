"""A network whose labels do not exclude each other: its loss, its labels, its output, and a run of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.several_labels import CLASSES, TRAINING, write_listing
from tests.train.test_config import make_config
from toolkit.files import read_json
from toolkit.measure.multi_label import averages, best_thresholds, label_scores
from train.config import Compute, RunConfig
from train.data import Part
from train.multi_label import class_table, figures, measure_parts
from train.schedule import kept_epoch

CONFIG = make_config()
DRIVER = Path(__file__).with_name("driver.py")


def drive(point: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DRIVER), point, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_configuration_says_so_only_where_it_is() -> None:
    several = replace(CONFIG, multi_label=True)
    assert "multi_label" not in CONFIG.to_dict() and several.to_dict()["multi_label"] is True
    assert several.digest != CONFIG.digest
    assert RunConfig.from_dict(json.loads(json.dumps(several.to_dict())), "config.json") == several


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
def test_a_step_descends_the_binary_cross_entropy(shards: int) -> None:
    """Against NumPy in float64: loss, and the bias after a step of rate 1, which is minus the gradient."""
    import tensorflow as tf
    import tf_keras

    from train.augment.examples import Examples
    from train.step import make_predict_step, make_train_step

    rng = np.random.default_rng(2)
    values, truth = rng.normal(size=(6, 4)), (rng.random((6, 3)) < 0.5).astype(np.float64)
    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3, activation="sigmoid")])
    kernel, bias = rng.normal(size=(4, 3)), rng.normal(size=3)
    model.set_weights([kernel, bias])
    compute, tensors = Compute("cpu", "float32", 2, shards), (tf.constant(values, tf.float32), tf.constant(truth))
    scores = 1 / (1 + np.exp(-values @ kernel - bias))
    soft = 0.9 * truth + 0.05
    plain, smoothed = (-(t * np.log(scores) + (1 - t) * np.log(1 - scores)).mean(1) for t in (truth, soft))
    labels = tf.cast(tensors[1], tf.float32)
    predicted, losses = make_predict_step(model, compute, multi_label=True)(tensors[0], labels)
    np.testing.assert_allclose(predicted, scores, atol=1e-6)
    np.testing.assert_allclose(losses, plain, rtol=1e-5)
    options: dict[str, Any] = {"prepare": Examples(3, smoothing=0.1), "multi_label": True}
    step = make_train_step(model, tf_keras.optimizers.SGD(1.0), compute, **options)
    loss, _ = step(tensors[0], labels, np.array((0, 0), np.int32))
    assert float(loss) == pytest.approx(smoothed.mean(), rel=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias - (scores - soft).sum(0) / 18, atol=1e-6)


@pytest.mark.slow
def test_mixup_mixes_labels_that_do_not_exclude_each_other() -> None:
    import tensorflow as tf

    from train.augment.examples import Examples
    from train.augment.labels import Mixup

    labels = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 0]], np.float32)
    values, soft = Examples(3, mixup=Mixup(0.4))(tf.constant(labels), tf.constant(labels), tf.constant((1, 2)))
    np.testing.assert_allclose(values, soft)
    assert not np.allclose(soft, labels) and np.all(soft <= labels + np.roll(labels, 1, 0) + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("twin", [False, True])
@pytest.mark.parametrize("network", ["gtzanet", "edgenet"])
def test_every_network_ends_in_a_sigmoid(network: str, twin: bool, tmp_path: Path) -> None:
    import tf_keras

    from toolkit.frontend.presets import PRESETS
    from train.build import run_model, save_model

    spec = PRESETS["gtzan-picture" if network == "gtzanet" else "log-mel"]
    config = replace(CONFIG, model=network, network=None, front_end=spec.to_dict(), multi_label=True)
    model = run_model(config, twin=twin)
    value = np.random.default_rng(0).random((1, *spec.shape), np.float32)
    logits = tf_keras.Model(model.input, model.layers[-2].output)(value).numpy()
    np.testing.assert_allclose(model(value), 1 / (1 + np.exp(-logits)), atol=1e-6)
    if not twin:
        save_model(model, tmp_path / "model.keras")
        again = tf_keras.models.load_model(tmp_path / "model.keras", compile=False)
        np.testing.assert_array_equal(again(value), model(value))


@pytest.mark.slow
def test_a_network_that_ends_otherwise_is_refused() -> None:
    import tf_keras

    from toolkit.errors import UsageError
    from train.build import with_sigmoid

    layers = tf_keras.layers
    with pytest.raises(UsageError, match="its last layer, end, has no such activation: end it with"):
        with_sigmoid(tf_keras.Sequential([layers.Input((4,)), layers.Dense(2, activation="tanh", name="end")]))
    with pytest.raises(UsageError, match="its last layer, end, has no such activation"):
        with_sigmoid(tf_keras.Sequential([layers.Input((4,)), layers.Dense(2), layers.Softmax(name="end")]))


def test_the_epoch_of_the_highest_mean_average_precision_is_kept() -> None:
    history = [{"val_mAP": value, "val_loss": loss} for value, loss in ((0.5, 0.1), (0.7, 0.3), (0.7, 0.2), (0.6, 0.1))]
    assert kept_epoch(history, "best") == 3


def test_clips_are_measured_at_the_thresholds_of_the_validation_part() -> None:
    """A class without a validation clip has the threshold 0.5 and no part in means; windows are measured, too."""
    validation = {"labels": [[0], [0, 1], [1]], "probabilities": [[0.8, 0.1, 0.9], [0.4, 0.3, 0.1], [0.2, 0.2, 0.1]]}
    windows = {"labels": [[0], [1]], "probabilities": [[0.1, 0.9, 0.0], [0.9, 0.1, 0.0]]}
    test = {"labels": [[2], [0]], "probabilities": [[0.5, 0.0, 0.4], [0.2, 0.0, 0.6]], "windows": windows}
    result = measure_parts({"validation": validation, "test": test}, ("a", "b", "c"))
    assert result["thresholds"] == {"a": pytest.approx(0.3), "b": pytest.approx(0.15), "c": 0.5}
    assert result["validation"] | {"per_class": 0} == {
        "n": 3,
        "mAP": 1.0,
        "macro_f1": 1.0,
        "micro_f1": 8 / 9,
        "per_class": 0,
    }
    assert result["test"]["mAP"] == 0.5 and result["test"]["macro_f1"] == 0 == result["test"]["micro_f1"]
    assert result["test"]["windows"]["mAP"] == 0.5 and result["test"]["windows"]["n"] == 2
    lines = "\n".join(figures(result, ("validation", "test")))
    assert "| validation | 3 | 1.0000 | 1.0000 | 0.8889 |" in lines and "| test, per window | 2 | 0.5000" in lines
    assert "Without a validation clip, and so with the threshold 0.5: c." in lines
    assert class_table(result["validation"], result["thresholds"])[-1] == "| c | 0 | 0.5 | 0.000 | 0.000 | 0.000 |  |"


def test_a_clips_probabilities_are_the_means_of_its_windows() -> None:
    labels = np.array([[1, 0], [1, 1]], np.float32)
    part = Part(("a", "b"), np.zeros((3, 1)), labels, np.array([0, 0, 1]), ("a", "b"))
    assert part.labels.tolist() == [[1, 0], [1, 0], [1, 1]]
    assert part.clip_means(np.array([[0.2, 0.4], [0.4, 0.8], [1, 0]])).tolist() == [
        [pytest.approx(0.3), pytest.approx(0.6)],
        [1, 0],
    ]


@pytest.mark.slow
def test_a_killed_run_ends_as_one_that_was_not_and_has_its_thresholds(tmp_path: Path) -> None:
    data = write_listing(tmp_path / "data", 30, seconds=3)
    start = (*TRAINING, "--epochs", "3", "--data", data, "--runs", tmp_path, "--cache", tmp_path / "cache")
    done = drive("nowhere", *start, "--name", "whole")
    assert done.returncode == 0, done.stderr
    assert "validation: mAP 0." in done.stdout and "accuracy" not in done.stdout + done.stderr
    for number, point in enumerate(("mid-epoch", "after-checkpoint", "nowhere")):
        done = drive(point, *(("--resume", tmp_path / "killed") if number else (*start, "--name", "killed")))
        assert done.returncode == (0 if point == "nowhere" else -signal.SIGKILL), done.stderr
    for name in ("model.keras", "predictions.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    check_whole(tmp_path / "whole")
    done = drive("nowhere", "report", tmp_path / "whole")
    test = read_json(tmp_path / "whole" / "metrics.json")["test"]
    row = f"| whole | edgenet | held-out | 0 | test | {test['n']} | {test['mAP']:.4f} | {test['macro_f1']:.4f} |"
    assert done.returncode == 0 and row in done.stdout, done.stderr


@pytest.mark.slow
def test_all_folds_are_measured_together_each_at_its_own_thresholds(tmp_path: Path) -> None:
    data = write_listing(tmp_path / "data", 24)
    flags = ("--epochs", "2", "--fold", "all", "--folds", "3", "--name", "all", "--cache", tmp_path / "cache")
    done = drive("nowhere", *TRAINING, *flags, "--data", data, "--runs", tmp_path)
    assert done.returncode == 0 and "over 3 folds, pooled mAP 0." in done.stdout, done.stderr
    value, folders = read_json(tmp_path / "all" / "metrics.json"), [tmp_path / "all" / f"fold-{at}" for at in range(3)]
    metrics = [read_json(folder / "metrics.json") for folder in folders]
    assert value["mean"] == pytest.approx(np.mean([each["test"]["mAP"] for each in metrics]))
    assert [fold["micro_f1"] for fold in value["folds"]] == [each["test"]["micro_f1"] for each in metrics]
    for name in CLASSES:
        for key in ("n", "active", "hits"):
            counts = [each["test"]["per_class"][name][key] for each in metrics]
            assert value["pooled"]["per_class"][name][key] == sum(counts)
    assert value["pooled"]["n"] == 24 and not list((tmp_path / "all").glob("*.png"))
    done = drive("nowhere", "report", tmp_path / "all", "-o", tmp_path / "report.md")
    assert done.returncode == 0 and not (tmp_path / "report.json").exists(), done.stderr
    assert (tmp_path / "report.md").read_text() == (tmp_path / "all" / "report.md").read_text()
    assert "| fold | clips | mAP | macro F1 | micro F1 | epochs |" in (tmp_path / "report.md").read_text()


def check_whole(folder: Path) -> None:
    """What a run keeps follows from its own predictions."""
    metrics, predicted = (read_json(folder / name) for name in ("metrics.json", "predictions.json"))
    assert list(metrics["thresholds"]) == list(CLASSES)
    for name in ("validation", "test"):
        part = predicted[name]
        assert len(part["windows"]["labels"]) > len(part["labels"]) == metrics[name]["n"]
        truth = np.array([[at in labels for at in range(3)] for labels in part["labels"]])
        if name == "validation":
            assert tuple(metrics["thresholds"].values()) == best_thresholds(part["probabilities"], truth)
        scores = label_scores(part["probabilities"], truth, list(metrics["thresholds"].values()))
        assert averages(scores) == {key: metrics[name][key] for key in ("mAP", "macro_f1", "micro_f1")}
    report = (folder / "report.md").read_text()
    assert f"| test | {metrics['test']['n']} | {metrics['test']['mAP']:.4f} |" in report
    assert "confusion" not in report and not list(folder.glob("confusion*"))
