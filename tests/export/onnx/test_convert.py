"""ONNX conversion: large kernels kept out of the graph and put back, names that do not depend on the process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.onnx import convert as onnx_convert
from export.onnx.convert import OPSET, to_onnx
from tests.run_maker import network as made_network
from toolkit.errors import ArtifactError

pytestmark = pytest.mark.slow


def model(activation: str | None = None) -> Any:
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    body = [
        layers.InputLayer((12, 10, 3)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPool2D(2),
        layers.Flatten(),
    ]
    body += [layers.Dense(40, activation=activation), layers.Dense(30), layers.Dense(5), layers.Activation("softmax")]
    result = tf_keras.Sequential(body)
    for layer in result.layers:  # biases are zero at first, and a lost zero would not show
        layer.set_weights([np.random.default_rng(2).normal(0, 0.3, value.shape) for value in layer.get_weights()])
    return result


def scores(converted: bytes, pictures: Any) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(converted, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["probability"], {"picture": picture[None]})[0] for picture in pictures])


@pytest.mark.parametrize("large", [1 << 20, 1000, 0])
def test_kernels_that_were_kept_out_are_put_back(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx

    monkeypatch.setattr(onnx_convert, "LARGE", large)
    network = model()
    converted = to_onnx(network)
    read = onnx.load_from_string(converted)
    assert [value.name for value in read.graph.input] == ["picture"]
    assert [value.name for value in read.graph.output] == ["probability"]
    assert read.opset_import[0].version == OPSET
    pictures = np.random.default_rng(3).normal(0, 1, (4, 12, 10, 3)).astype(np.float32)
    np.testing.assert_allclose(scores(converted, pictures), network(pictures).numpy(), atol=1e-6)


def test_a_second_conversion_in_one_process_gives_the_same_bytes() -> None:
    network = model()
    assert to_onnx(network) == to_onnx(network)


def test_a_large_layer_with_an_activation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_convert, "LARGE", 1000)
    with pytest.raises(ArtifactError, match="activation of its own"):
        to_onnx(model("relu"))


@pytest.mark.parametrize("large", [1 << 20, 1000])
def test_a_free_batch_takes_any_number_of_pictures(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx
    import onnxruntime

    monkeypatch.setattr(onnx_convert, "LARGE", large)
    network = model()
    pictures = np.random.default_rng(8).uniform(0, 255, (5, 12, 10, 3)).astype(np.float32)
    free = to_onnx(network, dynamic_batch=True)
    session = onnxruntime.InferenceSession(free, providers=["CPUExecutionProvider"])
    one_by_one = scores(to_onnx(network), pictures)
    for batch in (pictures[:1], pictures):
        probabilities = session.run(["probability"], {"picture": batch})[0]
        np.testing.assert_allclose(probabilities, one_by_one[: len(batch)], atol=1e-6)
    graph = onnx.load_from_string(free).graph
    sides = [value.type.tensor_type.shape.dim[0].dim_param for value in (graph.input[0], graph.output[0])]
    assert sides == ["batch", "batch"] and to_onnx(network, dynamic_batch=True) == free


@pytest.mark.slow
def test_the_same_network_gives_the_same_bytes_in_every_process() -> None:
    """The order of a set of texts differs with the seed of their hashes, and tf2onnx iterates over such sets."""
    code = (
        "import hashlib; from tests.run_maker import network; from export.onnx.convert import to_onnx;"
        "print(hashlib.sha256(to_onnx(network('zfnet', 4))).hexdigest())"
    )
    root = Path(__file__).parents[3]
    import tf_keras

    tf_keras.backend.clear_session()  # it counts the layers of a process in their names
    digests = {hashlib.sha256(to_onnx(made_network("zfnet", 4))).hexdigest()}  # with a seed of this process' own
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
        digests.add(done.stdout.splitlines()[-1])
    assert len(digests) == 1
