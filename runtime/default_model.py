"""Which model file to use where none is named: one's own, or the one that comes with the package."""

from __future__ import annotations

from pathlib import Path

from runtime.engines.registry import installed
from toolkit.artifact.card import INPUT_LEVELS
from toolkit.artifact.file import TFLITE, model_files
from toolkit.errors import UsageError

ARTIFACTS, EMBEDDING = Path("artifacts"), "embedding"
PRETRAINED = Path(__file__).parent / "pretrained" / "gtzanet-float16.tflite"
"""GTZANet, trained on the training part of GTZAN's fault-filtered split."""


def find_model(folder: Path = ARTIFACTS) -> Path:
    """Return the model with labels in `folder` to use where none is named; `PRETRAINED` where there is none.

    One that an installed engine runs, if there is one; then one for pictures, which is faster here than a front end
    inside; then float32 rather than another precision, .tflite rather than .onnx, and the newest.
    """

    def preference(path: Path) -> tuple[bool, bool, bool, bool, int, str]:
        kind, words = path.suffix.lstrip("."), path.stem.split("-")
        pictures = not {*INPUT_LEVELS[1:]} & {*words}
        newest = path.stat().st_mtime_ns
        return bool(installed(kind)), pictures, "float32" in words, kind == TFLITE, newest, path.name

    labelled = (path for path in model_files(folder) if EMBEDDING not in path.stem.split("-"))
    return max(labelled, key=preference, default=PRETRAINED)


def find_embedding(folder: Path = ARTIFACTS) -> Path:
    """Return the newest file in `folder` whose output is an embedding; raise `UsageError` where there is none."""
    paths = [path for path in model_files(folder) if EMBEDDING in path.stem.split("-")]
    if not paths:
        raise UsageError(
            f"{folder}: no embedding here: write one with `python -m export mn04 --embedding`, or name one"
        )
    return max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))
