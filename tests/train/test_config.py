"""A run's configuration: what it refuses, what its digest covers, and that it survives its file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from toolkit.errors import RunError, UsageError
from train.config import Compute, DataConfig, Recipe, RunConfig, SplitConfig


def make_config(**changes: Any) -> RunConfig:
    config = RunConfig(
        model="gtzanet",
        classes=("hum", "tap"),
        seed=3,
        data=DataConfig("/data", "pictures", "d" * 64, 20, False),
        split=SplitConfig("stratified", 0, 5, 0, "s" * 64),
        front_end={"sample_rate": 22050},
        recipe=Recipe(),
        compute=Compute("cpu", "float32", 2, 4),
        versions={"python": "3.11"},
        created="2026-01-02T03:04:05Z",
    )
    return replace(config, **changes)


def test_survives_json() -> None:
    config = make_config()
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict())), "here") == config


def test_digest_covers_what_decides_the_weights() -> None:
    config = make_config()
    assert make_config(created="later").digest == config.digest
    assert make_config(data=replace(config.data, root="/moved")).digest == config.digest
    different = [
        make_config(seed=4),
        make_config(recipe=Recipe(momentum=0.8)),
        make_config(compute=Compute("cpu", "float32", 1, 4)),
        make_config(data=replace(config.data, digest="e" * 64)),
        make_config(versions={"python": "3.12"}),
    ]
    assert len({config.digest, *(other.digest for other in different)}) == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2"),
        ({"seed": 9}, "edited"),
        ({"recipe": {"epochs": 5, "colour": "red"}}, "colour"),
        ({"model": None}, "edited"),
    ],
)
def test_refuses_a_file_it_did_not_write(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RunError, match=words):
        RunConfig.from_dict({**make_config().to_dict(), **change}, "config.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0), ("batch_size", 0), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("momentum", 1.0),
        ("plateau_factor", 1.0), ("plateau_patience", 0), ("min_learning_rate", -1.0), ("dropout", 1.0),
    ],
)  # fmt: skip
def test_a_senseless_recipe_names_its_flag(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match="--" + field.replace("_", "-")):
        Recipe(**{field: value})


@pytest.mark.parametrize(
    ("values", "flag"),
    [({"precision": "int8"}, "--precision"), ({"threads": 0}, "--threads"), ({"shards": 0}, "--shards")],
)
def test_senseless_compute_names_its_flag(values: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        Compute(**values)
