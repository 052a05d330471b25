"""One suite over every model x format x precision x engine: the file does what the Keras model does."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.probes import probe_inputs
from export.trained_run import layer_classes, open_source
from export.variants import PRECISIONS, Variant
from runtime import Classifier
from runtime.engines.registry import ENGINES, installed
from runtime.engines.wheels import how_to_install
from toolkit.data.run_folder import Run

# Between a file and Keras: the largest difference of any probability, and the mean one.
MAX_ABS = {"float32": 1e-5, "float16": 0.01, "dynamic": 0.2, "int8": 0.5, "int16x8": 0.05, "mixed": 0.2}
MEAN_ABS = {"float32": 1e-6, "float16": 1e-3, "dynamic": 0.02, "int8": 0.02, "int16x8": 0.005, "mixed": 0.01}
ROUGHER = {("mn04", Variant("onnx", "dynamic")): 0.03}
"""Mean differences of files that round the inputs of many more layers."""
FLOAT_OPS = {
    ("gtzanet", "tflite"): set(),
    ("zfnet", "tflite"): {"MEAN", "RSQRT", "SQUARED_DIFFERENCE"},
    ("gtzanet", "onnx"): {"Softmax"},
    ("zfnet", "onnx"): {"ReduceMean", "Softmax", "Sqrt"},
    ("edgenet", "tflite"): set(),
    ("edgenet", "onnx"): {"Softmax"},
    ("mn04", "tflite"): {"DEPTHWISE_CONV_2D", "HARD_SWISH", "MEAN", "SOFTMAX"},
    ("mn04", "onnx"): {"HardSigmoid", "Softmax"},
}
NO_FILE = {("mn04", "int16x8"): "TensorFlow Lite has no HARD_SWISH for int16x8"}
FLOAT_ENDS = ("mn04",)
"""Models whose int8 files take and return float32: their first layers and their last stay so."""
CASES = [
    pytest.param(Variant(kind.format, precision), engine, id=f"{engine}-{precision}")
    for engine, kind in ENGINES.items()
    for precision in PRECISIONS[kind.format]
]


def load(folders: tuple[Path, Path], variant: Variant, engine: str, threads: int = 1) -> Classifier:
    if engine not in installed():
        pytest.skip(f"the engine {engine} is not installed: {how_to_install(engine)}")
    run = Run.load(folders[0])
    if reason := variant.unsupported(layer_classes(run)) or NO_FILE.get((run.config["model"], variant.precision)):
        assert not list(folders[1].glob(f"*-{variant.precision}.{variant.format}"))
        pytest.skip(f"there is no such file: {reason}")
    (path,) = folders[1].glob(f"*-{variant.precision}.{variant.format}")
    return Classifier.load(path, engine=engine, threads=threads)


@functools.cache
def reference(run: Path) -> tuple[Any, Any, Any]:
    """Return inputs (the validation items, then probes), Keras' scores of them, and the items' labels."""
    import tf_keras

    source = open_source(Run.load(run), None)
    items = source.items("validation")
    inputs = np.concatenate([source.inputs(items), [*probe_inputs(source.front_end).values()]])
    model = tf_keras.models.load_model(run / "model.keras", compile=False)
    return inputs, model.predict(inputs.astype(np.float32), batch_size=4, verbose=0), source.labels(items)


@pytest.mark.parametrize(("variant", "engine"), CASES)
def test_it_is_near_keras_and_as_right(folders: tuple[Path, Path], variant: Variant, engine: str) -> None:
    classifier = load(folders, variant, engine)
    inputs, theirs, labels = reference(folders[0])
    count = len(inputs) if variant.precision in ("float32", "float16") else len(labels)
    scores = np.stack([classifier.scores(value) for value in inputs[:count]])
    distance = np.abs(scores - theirs[:count])
    assert distance.max() <= MAX_ABS[variant.precision]
    assert distance.mean() <= ROUGHER.get((classifier.card.model, variant), MEAN_ABS[variant.precision])
    np.testing.assert_array_equal(scores[: len(labels)].argmax(axis=1), labels)


@pytest.mark.parametrize(("variant", "engine"), CASES)
def test_the_card_is_what_the_file_does(folders: tuple[Path, Path], variant: Variant, engine: str) -> None:
    classifier = load(folders, variant, engine)
    inputs, _, labels = reference(folders[0])
    guesses = [classifier.probabilities(value).argmax() for value in inputs[: len(labels)]]
    card = classifier.card
    assert card.accuracy and (int(np.sum(guesses == labels)), len(labels)) == (card.accuracy.correct, card.accuracy.n)
    assert card.precision == variant.precision
    integer = variant == Variant("tflite", "int8") and card.model not in FLOAT_ENDS
    assert {card.input.dtype, card.output.dtype} == {"int8" if integer else "float32"}
    expected = FLOAT_OPS[card.model, variant.format] if card.calibration and not card.layers else set()
    assert expected <= set(card.float_ops) and bool(expected) == bool(card.float_ops)
    assert list(classifier.labels) == Run.load(folders[0]).config["classes"]


@pytest.mark.parametrize(("variant", "engine"), CASES)
def test_an_input_gives_the_same_scores_every_time(folders: tuple[Path, Path], variant: Variant, engine: str) -> None:
    classifier = load(folders, variant, engine)
    *_, first, _, _, second = probe_inputs(classifier.card.front_end).values()
    scores = classifier.probabilities(first)
    classifier.probabilities(second)
    np.testing.assert_array_equal(classifier.probabilities(first), scores)
    assert scores.sum() == pytest.approx(1, abs=1e-6)
    two_threads = load(folders, variant, engine, threads=2).probabilities(first)
    np.testing.assert_allclose(two_threads, scores, atol=1e-5 if variant.precision == "float32" else 0.02)
