"""A network of several labels, from a list of mixtures to files that name what is in a mixture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.export.runs import change, copied
from tests.several_labels import CLASSES, TRAINING, write_listing

pytestmark = pytest.mark.slow

EPOCHS = ("--epochs", "8", "--mixup", "0", "--averaging", "0", "--label-smoothing", "0")


def call(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    data = write_listing(folder / "data", 72)
    places = ("--data", data, "--runs", folder, "--name", "run", "--cache", folder / "cache")
    done = call("train", *TRAINING, *EPOCHS, *places)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def files(run: Path) -> Path:
    output = run.parent / "files"
    done = call("export", run, "--format", "all", "--quantize", "int8", "--no-speed", "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation mAP 1.000, macro F1 ") == 4 and "accuracy" not in done.stdout, done.stdout
    return output


@pytest.mark.parametrize("name", [f"edgenet-{kind}" for kind in ("float32.tflite", "int8.tflite", "float32.onnx")])
def test_a_file_names_what_is_in_a_mixture(files: Path, run: Path, name: str) -> None:
    check(files / name, run)


def test_an_int8_onnx_file_does_too(files: Path, run: Path) -> None:
    check(files / "edgenet-int8.onnx", run)


def check(path: Path, run: Path) -> None:
    """What the runtime says of the test part's clips is in most of them what was mixed; the card says how."""
    from runtime import Classifier

    metrics, predicted = (json.loads((run / name).read_text()) for name in ("metrics.json", "predictions.json"))
    classifier = Classifier.load(path)
    card, test = classifier.card, predicted["test"]
    assert (card.activation, card.accuracy, card.temperature, card.labels) == ("sigmoid", None, 1.0, CLASSES)
    assert card.thresholds == tuple(metrics["thresholds"].values()) and set(card.metrics) == {"mAP", "macro_f1"}
    answers = [classifier.classify(run.parent / "data" / name).active for name in test["names"]]
    right = [
        sorted(answer or ()) == [CLASSES[at] for at in numbers]
        for answer, numbers in zip(answers, test["labels"], strict=True)
    ]
    assert len(right) >= 10 and np.mean(right) >= 0.8


def test_a_model_of_another_seed_is_refused(run: Path, tmp_path: Path) -> None:
    other = copied(run, tmp_path / "other")
    counts = {"arpeggio": 0, "bells": 0}
    for name, value in counts.items():
        change(other, f"validation.per_class.{name}.active", value, "metrics.json")
    done = call("export", other, "--no-speed", "--output", tmp_path / "files")
    assert done.returncode == 1 and "validation labels apply otherwise than then" in done.stderr
    assert not list((tmp_path / "files").glob("*.tflite"))


def test_thresholds_that_are_none_are_refused(run: Path, tmp_path: Path) -> None:
    other = copied(run, tmp_path / "other")
    change(other, "thresholds.bells", 1.5, "metrics.json")
    done = call("export", other, "--no-speed", "--output", tmp_path / "files")
    assert done.returncode == 1 and "has no thresholds from 0 to 1 of its classes" in done.stderr


def test_fine_tuning_is_refused(run: Path, tmp_path: Path) -> None:
    done = call("export", run, "--quantize", "int8", "--qat", "--output", tmp_path)
    assert done.returncode == 2 and "--qat trains on the cross entropy of one label" in done.stderr


def test_its_keras_file_is_exported_as_one_from_elsewhere(run: Path, tmp_path: Path) -> None:
    """The thresholds are chosen again, on the validation part of a split of the list."""
    from toolkit.artifact.file import read_card

    (tmp_path / "labels.txt").write_text("\n".join(CLASSES))
    front_end = tmp_path / "front_end.json"
    front_end.write_text(json.dumps(json.loads((run / "config.json").read_text())["front_end"]))
    flags = ("--labels", tmp_path / "labels.txt", "--front-end", front_end, "--data", run.parent / "data" / "list.csv")
    done = call("export", run / "model.keras", *flags, "--no-speed", "--output", tmp_path / "files")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "files").glob("*.tflite")
    card = read_card(path)
    assert card.activation == "sigmoid" and card.accuracy is None and card.metrics["macro_f1"] >= 0.9
    assert len(card.thresholds) == 3 and card.thresholds != (0.5,) * 3
