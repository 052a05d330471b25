"""What 8 bits hold of a network with depthwise convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.tflite import depthwise
from export.tflite.convert import to_tflite
from export.tflite.depthwise import float_ops, heavy_dynamic, int8_kinds
from export.tflite.mixed import TfliteMixer
from tests.export.hard_swish_models import hard_swish_model
from tests.export.tflite.test_convert import kernel_types, values
from tests.run_maker import network

pytestmark = pytest.mark.slow

INPUTS = np.random.default_rng(0).uniform(0, 1, (12, 16, 24, 1)).astype(np.float32)
LAYERS = ["stem", "first_depthwise", "first", "second_depthwise", "second", "head"]


def mobile_model(offset: float) -> Any:
    """Return a small MobileNet whose second depthwise convolution takes differences of values near `offset`."""
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    source = layers.Input(INPUTS.shape[1:])
    x = layers.Conv2D(64, 3, 2, activation="relu", name="stem")(source)
    x = layers.DepthwiseConv2D(3, activation="relu", name="first_depthwise")(x)
    x = layers.Conv2D(80, 1, activation="relu", name="first")(x)
    x = layers.DepthwiseConv2D(3, activation="relu", name="second_depthwise")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(96, 1, activation="relu", name="second")(x))
    model = tf_keras.Model(source, layers.Dense(4, "softmax", name="head")(x))
    first, depthwise = model.get_layer("first"), model.get_layer("second_depthwise")
    first.bias.assign(np.full(80, offset))
    kernel = depthwise.depthwise_kernel.numpy()
    depthwise.depthwise_kernel.assign(30 * (kernel - kernel.mean(axis=(0, 1))))
    return model


def test_in_dynamic_depthwise_and_light_layers_stay_float() -> None:
    exact = to_tflite(mobile_model(0))
    content = heavy_dynamic(exact)
    assert content
    light, heavy = dict.fromkeys((576, 720, 384), "FLOAT32"), dict.fromkeys((5120, 7680), "INT8")
    assert kernel_types(content) == light | heavy
    assert 0 < np.abs(values(content, INPUTS)[0] - values(exact, INPUTS)[0]).max() < 0.02


def test_a_last_layer_is_dynamic_only_where_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depthwise, "HEAVY", 300)
    exact = to_tflite(mobile_model(0))
    for least, kind in ((385, "FLOAT32"), (384, "INT8")):
        monkeypatch.setattr(depthwise, "LARGE_HEAD", least)
        assert kernel_types(heavy_dynamic(exact) or b"")[384] == kind


def test_without_depthwise_or_heavy_layers_dynamic_is_the_converters() -> None:
    assert heavy_dynamic(to_tflite(network("gtzanet", 4))) is None
    assert heavy_dynamic(to_tflite(hard_swish_model())) is not None


def test_where_a_fixed_range_loses_a_layers_input_the_rest_is_dynamic() -> None:
    exact = to_tflite(mobile_model(200))
    kinds = int8_kinds(exact, INPUTS)
    assert kinds == ["int8", "int8", "dynamic", "float32", "dynamic", "float32"]
    mixer = TfliteMixer(exact, LAYERS, INPUTS)
    partly = mixer.build(dict(zip(LAYERS, kinds, strict=True)))
    contents = (exact, partly, mixer.build(dict.fromkeys(LAYERS, "int8")))
    expected, ours, all_int8 = (values(content, INPUTS)[0] for content in contents)
    assert np.abs(ours - expected).max() < 0.3 * np.abs(all_int8 - expected).max()
    assert {"DEPTHWISE_CONV_2D", "SOFTMAX"} <= set(float_ops(partly)) and "CONV_2D" not in float_ops(partly)


def test_where_8_bits_hold_every_layer_all_are_int8() -> None:
    assert int8_kinds(to_tflite(mobile_model(0)), INPUTS) is None
    assert int8_kinds(to_tflite(network("gtzanet", 4)), INPUTS) is None
