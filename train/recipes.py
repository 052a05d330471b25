"""Recipes by name, and the recipe of a run from its name and its flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from toolkit.errors import UsageError
from toolkit.frontend.spec import FrontEnd
from train.augment.scale import GridScale
from train.config import Recipe

RECIPES: dict[str, Recipe] = {
    "paper": Recipe(),
    "modern": Recipe(
        epochs=100,
        learning_rate=3e-3,
        optimizer="adamw",
        weight_decay=0.05,
        schedule="cosine",
        warmup=0.05,
        averaging=0.05,
        label_smoothing=0.1,
        mixup=0.4,
        augment="light",
    ),
}
"""The paper's; and AdamW with warm-up, cosine, averaged weights, smoothed labels, mixup and light augmentation."""

FINE_TUNING = Recipe(
    epochs=15,
    batch_size=16,
    learning_rate=3e-4,
    optimizer="adamw",
    weight_decay=0.05,
    schedule="cosine",
    warmup=0.1,
    augment="light",
    keep="best",
)
"""What blocks of a pretrained network are trained by: a rate that leaves its weights near where they are."""
NAMED = {**RECIPES, "fine-tuning": FINE_TUNING}

_BELONGS = {
    "momentum": ("optimizer", "sgd"),
    "weight_decay": ("optimizer", "adamw"),
    "plateau_factor": ("schedule", "plateau"),
    "plateau_patience": ("schedule", "plateau"),
    "plateau_delta": ("schedule", "plateau"),
    "warmup": ("schedule", "cosine"),
}
"""Fields that mean nothing unless another one has this value."""


def recipe_of(name: str, flags: Mapping[str, Any], spec: FrontEnd) -> Recipe:
    """Return the recipe called `name` with the fields in `flags` that are not None, for a front end.

    A picture has no augmentation unless a flag sets it. Raises `UsageError` for a flag that the others leave without
    effect, a value out of its bounds, or an augmentation that the front end has no grid for.
    """
    chosen = {field: value for field, value in flags.items() if value is not None}
    base = replace(NAMED[name], augment="none") if spec.layout == "picture" else NAMED[name]
    recipe = replace(base, **chosen)
    unused = {field: pair for field, pair in _BELONGS.items() if getattr(recipe, pair[0]) != pair[1]}
    for field, (switch, needed) in unused.items():
        if field in chosen:
            value = getattr(recipe, switch)
            raise UsageError(f"{_flag(field)} belongs to {_flag(switch)} {needed}, and this is {value}: leave it out")
    if recipe.augment != "none":
        GridScale.of(spec)
    return replace(recipe, **{field: getattr(Recipe, field) for field in unused})


def describe(recipe: Recipe) -> list[str]:
    """Return how a recipe differs from the paper's: the name of the one it is nearest to, then field by field."""
    values = asdict(recipe)
    differences = {
        name: [field for field, value in asdict(base).items() if values[field] != value] for name, base in NAMED.items()
    }
    nearest = min(differences, key=lambda name: len(differences[name]))
    shown = [f"{field.replace('_', ' ')} {_shown(values[field])}" for field in differences[nearest]]
    return [nearest] * (nearest != "paper") + shown


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else format(value, "g")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
