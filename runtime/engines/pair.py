"""A head, a file of a few kilobytes, and the backbone whose embedding it was fitted to, as one model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.artifact.file import model_files, read_card
from toolkit.errors import ArtifactError

if TYPE_CHECKING:
    from toolkit.artifact.card import Card


def find_backbone(path: Path, head: Card) -> Path:
    """Return the file beside the head in `path` that is its backbone; raise `ArtifactError` where there is none."""
    for other in model_files(path.parent):
        with suppress(ArtifactError):
            if read_card(other).model_digest == head.backbone:
                return other
    raise ArtifactError(
        f"{path}: a head, whose backbone (digest {head.backbone[:12]}...) is not beside it: copy that file there, or "
        "name it with --backbone FILE"
    )


def pair_card(path: Path, head: Card, backbone_path: Path, backbone: Card) -> Card:
    """Return the card of both as one model: it accepts what the backbone does, and returns what the head does.

    Raise `ArtifactError` unless the backbone is the one that the head names, and what it computes is what that expects.
    """
    if backbone.model_digest != head.backbone:
        raise ArtifactError(
            f"{path}: a head for another backbone than {backbone_path} (digest {head.backbone[:12]}..., not "
            f"{backbone.model_digest[:12]}...): name the one it was exported for"
        )
    spec = replace(head.front_end, **{name: getattr(backbone.front_end, name) for name in ("hop_seconds", "short")})
    if backbone.output.shape != head.input.shape or spec != backbone.front_end:
        raise ArtifactError(f"{path}: its card does not fit that of its backbone {backbone_path}: export both again")
    return replace(
        head,
        input_level=backbone.input_level,
        input=backbone.input,
        axes=backbone.axes,
        quantization=backbone.quantization,
        float_ops=backbone.float_ops,
        layers=backbone.layers,
        calibration=backbone.calibration,
        backbone="",
    )
