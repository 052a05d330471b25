"""What a finished run prints: which epoch counts, what it got right, and what its probabilities are worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.files import read_json
from train import confidence, multi_label
from train.backbones.chance import verdict
from train.config import RunConfig
from train.report import part_notes
from train.results import HISTORY
from train.schedule import kept_epoch


def outcome(folder: Path, config: RunConfig, result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines for the value of `metrics.json` of the run in `folder`."""
    if (keep := config.recipe.keep) == "best" and "strength" not in result["final"]:
        epoch = kept_epoch(read_json(folder / HISTORY), keep)
        yield f"kept: epoch {epoch} of {result['epochs']}, the best on the validation part"
    if tuning := result.get("fine_tuning"):
        yield verdict(tuning)
    for name in ("validation", "test"):
        if (part := result[name]) and config.multi_label:
            yield f"{name}: {multi_label.summary(part)}"
        elif part:
            low, high = part["wilson95"]
            share = f"{part['accuracy']:.4f} ({part['correct']}/{part['n']}, 95 % Wilson {low:.3f} to {high:.3f})"
            yield f"{name}: accuracy {share}, top-5 {part['top5']:.4f}"
            yield from (f"{name}: {sentence}" for sentence in part_notes(part))
    yield from confidence.summary(result)
    if config.no_test and not result["test"]:
        yield f"test: unread; when everything is chosen, read it with python -m train test {folder}"
