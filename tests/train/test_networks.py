"""The layer tables against the paper's counts, and against what Keras builds from them."""

from __future__ import annotations

import pytest

from train.networks import (
    GTZANET,
    TABLES,
    ZFNET,
    Conv,
    Dropout,
    Flatten,
    Pool,
    Relu,
    Softmax,
    layer_names,
    parameter_count,
    summary,
    trace,
    with_dropout,
)
from train.twin import pool_before_relu


def test_parameter_counts_are_the_papers() -> None:
    assert parameter_count(GTZANET) == 175_194
    assert parameter_count(ZFNET) == 58_301_578


def test_multiply_adds_are_the_papers() -> None:
    assert sum(row.multiply_adds for row in trace(GTZANET)) == pytest.approx(142e6, rel=0.005)
    assert sum(row.multiply_adds for row in trace(ZFNET)) == pytest.approx(2.30e9, rel=0.005)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("gtzanet", [(142, 214, 8), (69, 105, 16), (33, 51, 32), (15, 24, 64), (6, 10, 128)]),
        ("zfnet", [(70, 106, 96), (16, 25, 256), (4, 9, 256)]),
    ],
)
def test_pooled_shapes_are_the_papers(name: str, shapes: list[tuple[int, ...]]) -> None:
    assert [row.shape for row in trace(TABLES[name]) if row.layer.startswith("max pool")] == shapes


def test_summary_shows_the_total_and_every_layer() -> None:
    text = summary("gtzanet", GTZANET)
    assert "175,194" in text.splitlines()[-1]
    assert len(text.splitlines()) == len(GTZANET) + 5
    assert all(name in text for name in layer_names(GTZANET))


def test_layers_are_numbered_by_their_kind() -> None:
    names = dict.fromkeys(layer_names(ZFNET))
    assert [name for name in names if name.startswith(("conv", "dense"))] == [
        *("conv1", "conv2", "conv3", "conv4", "conv5"),
        *("dense1", "dense2", "dense3"),
    ]
    assert len(names) == len(ZFNET)


def test_dropout_can_be_replaced() -> None:
    changed = with_dropout(GTZANET, 0.5)
    assert [a for a, b in zip(changed, GTZANET, strict=True) if a != b] == [Dropout(0.5)]
    assert with_dropout(GTZANET, None) is GTZANET


def test_only_a_pooled_convolutions_relu_moves() -> None:
    table = (Conv(4, 3), Conv(5, 3), Pool(), Pool(), Flatten(), Softmax())
    assert pool_before_relu(table) == (Conv(4, 3), Conv(5, 3, relu=False), Pool(), Relu(), Pool(), Flatten(), Softmax())
    assert [row.layer for row in trace(pool_before_relu(table))[2:5]] == [
        "conv 5, 3x3, stride 1",
        "max pool 3x3, stride 2",
        "ReLU",
    ]
    for name in TABLES:
        assert parameter_count(pool_before_relu(TABLES[name])) == parameter_count(TABLES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("twin", [False, True])
def test_keras_builds_what_the_table_says(name: str, twin: bool) -> None:
    from train.build import build

    model = build(TABLES[name], 10, name=name, twin=twin)
    rows = trace(pool_before_relu(TABLES[name]) if twin else TABLES[name])
    assert model.count_params() == parameter_count(TABLES[name])
    # Keras has a rescaling first and a softmax last where the table has none.
    shapes = [layer.output_shape[1:] for layer in model.layers[1:-1]]
    assert shapes == [row.shape for row in rows[1:]]
    assert model.layers[0].scale == pytest.approx(1 / 255)
    again = build(TABLES[name], 10, name=name, twin=twin)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    if not twin:
        assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"tf_keras"}


@pytest.mark.slow
def test_standardise_is_tensorflows_per_image_standardization() -> None:
    import numpy as np
    import tensorflow as tf

    from train.build import build
    from train.networks import Flatten, Standardise

    model = build((Standardise(), Flatten()), 2, name="standardise")
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 288, 432, 3)).astype(np.float32)
    ours = model.layers[1](pictures / 255).numpy()
    assert np.abs(ours - tf.image.per_image_standardization(pictures / 255).numpy()).max() < 1e-4
