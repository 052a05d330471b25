"""Weights in a TFLite file are read without running it, and a file that is damaged or another one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runtime.default_model import PRETRAINED
from toolkit.errors import DatasetError
from train.backbones.tflite_file import read_operators


@pytest.fixture(scope="module")
def model() -> Any:
    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            layers.Conv2D(24, 3, input_shape=(8, 8, 8), bias_initializer="random_normal"),
            layers.DepthwiseConv2D(3, bias_initializer="random_normal"),
            layers.Conv2D(64, 1, bias_initializer="random_normal"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(32, bias_initializer="random_normal"),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("quantised", [False, True])
def test_weights_are_those_of_the_model_to_half_a_step(model: Any, tmp_path: Path, quantised: bool) -> None:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if quantised else []
    path = tmp_path / "model.tflite"
    path.write_bytes(converter.convert())
    tensors = read_operators(path)
    assert len(tensors) == 8
    kinds = {"CONV_2D-0": 0, "DEPTHWISE_CONV_2D-0": 1, "CONV_2D-1": 2, "FULLY_CONNECTED-0": 4}
    for name, place in kinds.items():
        kernel, bias = model.layers[place].get_weights()
        order = {2: (1, 0), 4: (3, 0, 1, 2)}[kernel.ndim]  # outputs first; a depthwise kernel has 1
        kernel = kernel.transpose(order)
        weights = tensors[f"{name}.weights"]
        step = np.abs(kernel).max() / 127 if quantised and kernel.size > 1024 else 0.0
        assert weights.dtype == np.float32
        np.testing.assert_allclose(weights, kernel, atol=0.51 * step, rtol=1e-6)
        np.testing.assert_allclose(tensors[f"{name}.bias"], bias, rtol=1e-6)
        assert np.array_equal(weights, kernel) == (step == 0)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    content = PRETRAINED.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match=r"cut\.tflite: not a"):
        read_operators(path)


def test_damage_anywhere_is_one_sentence_or_other_numbers(tmp_path: Path) -> None:
    content = PRETRAINED.read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "damaged.tflite"
    refused = 0
    for place in random.integers(0, len(content), 8).tolist() + random.integers(0, 400, 32).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_operators(path)
        except DatasetError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused > 5


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"\x08\x00\x00\x00TFL3", b"\x89HDF\r\n\x1a\n" + bytes(64)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"other\.tflite: not a"):
        read_operators(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_operators(tmp_path)
