"""One suite over every model x format x engine: the file does what the Keras model does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.source import open_source
from export.verify import extra_pictures
from runtime import Classifier
from runtime.engines import ENGINES, installed
from toolkit.runs import Run

# Between int8 and Keras, the mean over the validation pictures' probabilities.
INT8_MEAN_ABS = 0.02
FLOAT_OPS = {"gtzanet": set(), "zfnet": {"MEAN", "RSQRT", "SQUARED_DIFFERENCE"}}


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    if request.param not in installed():
        pytest.skip(f"the engine {request.param} is not installed ({ENGINES[request.param].install})")
    return str(request.param)


def load(made: tuple[Path, Path], precision: str, engine: str, threads: int = 1) -> Classifier:
    return Classifier.load(next(made[1].glob(f"*-{precision}.tflite")), engine=engine, threads=threads)


def keras_scores(run: Path, pictures: Any) -> Any:
    import tf_keras

    model = tf_keras.models.load_model(run / "model.keras", compile=False)
    return model.predict(pictures.astype(np.float32), batch_size=4, verbose=0)


def test_float32_is_keras(made: tuple[Path, Path], engine: str) -> None:
    source = open_source(Run.load(made[0]), None)
    pictures = np.concatenate([source.pictures(source.items("validation")), extra_pictures((288, 432, 3))])
    classifier = load(made, "float32", engine)
    found = np.stack([classifier.classify_picture(picture) for picture in pictures])
    np.testing.assert_allclose(found, keras_scores(made[0], pictures), atol=1e-5)


def test_int8_is_near_keras_and_as_right(made: tuple[Path, Path], engine: str) -> None:
    source = open_source(Run.load(made[0]), None)
    items = source.items("validation")
    pictures = source.pictures(items)
    classifier = load(made, "int8", engine)
    found = np.stack([classifier.classify_picture(picture) for picture in pictures])
    expected = keras_scores(made[0], pictures)
    assert np.abs(found - expected).mean() < INT8_MEAN_ABS
    np.testing.assert_array_equal(found.argmax(axis=1), source.labels(items))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_card_is_what_the_file_does(made: tuple[Path, Path], precision: str, engine: str) -> None:
    source = open_source(Run.load(made[0]), None)
    items = source.items("validation")
    classifier = load(made, precision, engine)
    guesses = [classifier.classify_picture(picture).argmax() for picture in source.pictures(items)]
    accuracy = classifier.card.accuracy
    assert (int(np.sum(guesses == source.labels(items))), len(items)) == (accuracy.correct, accuracy.n)
    assert classifier.card.precision == precision
    assert {classifier.card.input.dtype, classifier.card.output.dtype} == {precision}
    expected = FLOAT_OPS[classifier.card.model] if precision == "int8" else set()
    assert expected <= set(classifier.card.float_ops) and bool(expected) == bool(classifier.card.float_ops)
    assert classifier.labels == source.classes


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_picture_gives_the_same_scores_every_time(made: tuple[Path, Path], precision: str, engine: str) -> None:
    first, second = extra_pictures((288, 432, 3))[[0, -1]]
    classifier = load(made, precision, engine)
    scores = classifier.classify_picture(first)
    classifier.classify_picture(second)
    np.testing.assert_array_equal(classifier.classify_picture(first), scores)
    assert scores.sum() == pytest.approx(1, abs=1e-6)
    two_threads = load(made, precision, engine, threads=2).classify_picture(first)
    np.testing.assert_allclose(two_threads, scores, atol=1e-5 if precision == "float32" else 0.02)
