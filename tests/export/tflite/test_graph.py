"""Two models as one: the second's bytes stay what they were, and models that do not fit are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.keras import load_tensorflow
from export.tflite.graph import compose
from toolkit.artifact.file import read_archive
from toolkit.errors import ArtifactError

pytestmark = pytest.mark.slow


def doubled(shape: tuple[int, ...], dtype: str = "float32") -> bytes:
    """Return a model that doubles its input."""
    import tensorflow as tf

    load_tensorflow()
    call = tf.function(lambda value: value + value).get_concrete_function(tf.TensorSpec(shape, dtype, name="value"))
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([call]).convert())


def run(model: bytes, value: Any) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.set_tensor(source["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(target["index"])


def test_the_second_gets_what_the_first_gives() -> None:
    value = np.arange(6, dtype=np.float32).reshape(1, 6)
    model = doubled((1, 6))
    np.testing.assert_array_equal(run(compose(model, model), value), 4 * value)
    np.testing.assert_array_equal(run(compose(compose(model, model), model), value), 8 * value)


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic", "int16x8", "mixed"])
def test_a_network_says_the_same_behind_another_model(artifacts: Path, precision: str) -> None:
    path = artifacts / f"gtzanet-{precision}.tflite"
    network = path.read_bytes()[: read_archive(path).start]
    picture = np.random.default_rng(1).integers(0, 128, (1, 288, 432, 3)).astype(np.float32)
    joined = compose(doubled((1, 288, 432, 3)), network)
    np.testing.assert_array_equal(run(joined, picture), run(network, 2 * picture))
    assert compose(doubled((1, 288, 432, 3)), network) == joined


def test_models_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArtifactError, match=r"output of the front end is \[1, 6\] .* input of the network is \[1, 7\]"):
        compose(doubled((1, 6)), doubled((1, 7)))
    with pytest.raises(ArtifactError, match="of type"):
        compose(doubled((1, 6)), doubled((1, 6), "int32"))
