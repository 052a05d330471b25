"""A run's configuration: what it refuses, what its digest covers, and that it survives its file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import RunError, UsageError
from toolkit.frontend.spec import PICTURE
from train.config import Compute, DataConfig, Recipe, RunConfig, SplitConfig


def make_config(**changes: Any) -> RunConfig:
    config = RunConfig(
        model="gtzanet",
        classes=("hum", "tap"),
        seed=3,
        data=DataConfig("/data", "pictures", "d" * 64, 20, False),
        split=SplitConfig("stratified", 0, 5, 0, "s" * 64),
        front_end=PICTURE.to_dict(),
        recipe=Recipe(),
        compute=Compute("cpu", "float32", 2, 4),
        versions={"python": "3.11"},
        created="2026-01-02T03:04:05Z",
    )
    return replace(config, **changes)


LATER: dict[str, Any] = {
    "optimizer": "adamw",
    "weight_decay": 0.1,
    "schedule": "cosine",
    "warmup": 0.1,
    "averaging": 0.1,
    "label_smoothing": 0.1,
    "mixup": 0.4,
    "augment": "light",
}


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(**LATER)])
def test_survives_json(recipe: Recipe) -> None:
    config = make_config(recipe=recipe)
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict())), "here") == config


def test_digest_covers_what_decides_the_weights() -> None:
    config = make_config()
    assert make_config(created="later").digest == config.digest
    assert make_config(data=replace(config.data, root="/moved")).digest == config.digest
    different = [
        make_config(seed=4),
        make_config(recipe=Recipe(momentum=0.8)),
        *(make_config(recipe=Recipe(**{field: value})) for field, value in LATER.items()),
        make_config(compute=Compute("cpu", "float32", 1, 4)),
        make_config(data=replace(config.data, digest="e" * 64)),
        make_config(versions={"python": "3.12"}),
    ]
    assert len({config.digest, *(other.digest for other in different)}) == 6 + len(LATER)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format 2"),
        ({"seed": 9}, "edited"),
        ({"recipe": {"epochs": 5, "colour": "red"}}, "colour"),
        ({"model": "zfnet"}, "edited"),
        ({"model": None}, "model is null, not text"),
        ({"classes": "ab"}, "classes is text, not a list"),
        ({"versions": []}, "versions is a list"),
        ({"front_end": 7}, "front_end is not an object"),
        ({"recipe": None}, "recipe is null"),
        ({"recipe": {**asdict(Recipe()), "epochs": 0}}, "--epochs must be"),
        ({"data": {**asdict(make_config().data), "root": 5}}, "root is a whole number, not text"),
    ],
)
def test_refuses_a_file_it_did_not_write(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RunError, match=words):
        RunConfig.from_dict({**make_config().to_dict(), **change}, "config.json")


@pytest.mark.parametrize("value", [[], {}, None, "text", {"format": 1}])
def test_refuses_what_is_no_configuration(value: Any) -> None:
    with pytest.raises(RunError, match=r"^config\.json: "):
        RunConfig.from_dict(value, "config.json")


def test_a_published_configuration_keeps_its_digest() -> None:
    published = json.loads((Path(__file__).parents[2] / "docs/results/training.json").read_text())
    for run in published["runs"]:
        assert RunConfig.from_dict(run["config"], "training.json").digest == run["config"]["digest"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0), ("batch_size", 0), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("momentum", 1.0),
        ("plateau_factor", 1.0), ("plateau_patience", 0), ("min_learning_rate", -1.0), ("dropout", 1.0),
        ("epochs", 10**30), ("batch_size", 10**30), ("plateau_patience", 10**30),
        ("plateau_delta", -1.0), ("momentum", float("nan")), ("plateau_factor", float("nan")),
        ("dropout", float("nan")), ("mixup", 0.05), ("mixup", float("nan")), ("optimizer", "adam"),
        ("schedule", "step"), ("augment", "weak"), ("keep", "first"),
    ],
)  # fmt: skip
def test_a_senseless_recipe_names_its_flag(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match="--" + field.replace("_", "-")):
        Recipe(**{field: value})


COUNTS = ((1, 1_000_000), (0, 1_000_001))
SHARES = ((0.0, 0.999), (-1e-9, 1.0, 1.5))


@pytest.mark.parametrize(
    ("field", "valid", "senseless"),
    [
        ("epochs", *COUNTS), ("batch_size", *COUNTS), ("plateau_patience", *COUNTS),
        ("learning_rate", (1e-12, 999.9), (9e-13, 1000.0, 1500.0)),
        ("momentum", *SHARES), ("dropout", *SHARES), ("weight_decay", *SHARES), ("warmup", *SHARES),
        ("averaging", *SHARES), ("label_smoothing", *SHARES), ("mixup", (0.0, 0.1, 100.0), (0.09, -1.0, 100.1)),
        ("plateau_factor", (1e-9, 0.999), (0.0, -0.5, 1.0, 1.5)),
        ("plateau_delta", (0.0, 1e300), (-1e-9,)), ("min_learning_rate", (0.0, 1e300), (-1e-9,)),
    ],
)  # fmt: skip
def test_a_recipe_may_be_at_its_bounds_and_not_beyond(
    field: str, valid: tuple[float, ...], senseless: tuple[float, ...]
) -> None:
    for value in valid:
        assert getattr(Recipe(**{field: value}), field) == value  # type: ignore[arg-type]
    for value in senseless:
        with pytest.raises(UsageError, match="--" + field.replace("_", "-") + " must be"):
            Recipe(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("field", "most"), [("threads", 1024), ("shards", 1024)])
def test_compute_may_have_the_least_and_the_most(field: str, most: int) -> None:
    for value in (1, most):
        assert getattr(Compute(**{field: value}), field) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["learning_rate", "plateau_delta", "min_learning_rate"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_number_that_is_not_finite_is_said_to_be(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match="--" + field.replace("_", "-") + " must be finite"):
        Recipe(**{field: value})


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({"precision": "int8"}, "--precision must be"),
        ({"threads": 0}, "--threads must be at least 1"),
        ({"threads": 1025}, "--threads must be at least 1 and at most"),
        ({"shards": 0}, "--shards must be at least 1"),
        ({"shards": 10**9}, "--shards must be at least 1 and at most"),
    ],
)
def test_senseless_compute_names_its_flag(values: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        Compute(**values)
