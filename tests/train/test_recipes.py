"""A named recipe sets defaults, flags override them, and a flag without effect is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE
from train.config import Recipe
from train.recipes import RECIPES, describe, recipe_of

GRID = PRESETS["log-mel"]


def test_a_name_sets_defaults_and_flags_override_them() -> None:
    assert recipe_of("paper", {"epochs": None}, PICTURE) == Recipe()
    modern = recipe_of("modern", {"epochs": 7, "mixup": 0.0, "batch_size": None}, GRID)
    assert modern == replace(RECIPES["modern"], epochs=7, mixup=0.0)


def test_a_picture_has_no_augmentation_unless_a_flag_sets_it() -> None:
    assert recipe_of("modern", {}, PICTURE) == replace(RECIPES["modern"], augment="none")
    with pytest.raises(UsageError, match="--augment: a picture has colours and a frame"):
        recipe_of("modern", {"augment": "light"}, PICTURE)


@pytest.mark.parametrize(
    ("name", "flags", "words"),
    [
        ("modern", {"momentum": 0.8}, "--momentum belongs to --optimizer sgd, and this is adamw"),
        ("paper", {"weight_decay": 0.1}, "--weight-decay belongs to --optimizer adamw"),
        ("modern", {"plateau_delta": 0.1}, "--plateau-delta belongs to --schedule plateau, and this is cosine"),
        ("paper", {"warmup": 0.1}, "--warmup belongs to --schedule cosine"),
        ("paper", {"epochs": 0}, "--epochs must be"),
    ],
)
def test_a_flag_without_effect_is_refused(name: str, flags: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        recipe_of(name, flags, GRID)


def test_what_a_flag_switches_off_is_not_kept() -> None:
    mixed = recipe_of("modern", {"optimizer": "sgd", "schedule": "plateau", "momentum": 0.8}, GRID)
    assert (mixed.weight_decay, mixed.warmup, mixed.momentum) == (0.0, 0.0, 0.8)


def test_a_recipe_is_described_by_its_name_and_what_differs() -> None:
    assert describe(Recipe()) == []
    assert describe(Recipe(epochs=12, keep="best")) == ["epochs 12", "keep best"]
    assert describe(replace(RECIPES["modern"], augment="none", mixup=0.2)) == ["modern", "mixup 0.2", "augment none"]
