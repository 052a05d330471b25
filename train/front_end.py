"""Which front end a run hears with, and which of a dataset's files show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from toolkit.data.features import pictures_show
from toolkit.errors import ArtifactError, UsageError
from toolkit.frontend import presets
from toolkit.frontend.spec import PICTURE, FrontEnd
from train.registry import Network


def chosen_front_end(network: Network, name: str | None, window: float | None, hop: float | None) -> FrontEnd:
    """Return the front end of a name or JSON file, by default the network's, with this window and hop, in seconds.

    Raises `UsageError` if there is none of the name, it cannot be computed, or the network does not fit it.
    """
    spec = presets.front_end(name or network.front_end)
    changes: dict[str, Any] = {"window_seconds": window, "hop_seconds": hop}
    try:
        spec = replace(spec, **{field: value for field, value in changes.items() if value is not None})
    except ArtifactError as error:
        raise UsageError(f"--window, --hop: {error}") from None
    network.check_input(spec)
    return spec


def front_end_note(front_end: dict[str, Any]) -> str:
    """Return what of a run's front end differs from the public pictures', for people; "" where nothing does."""
    spec = FrontEnd.from_dict(front_end)
    if spec == PICTURE:
        return ""
    hop = f" every {spec.hop_seconds:g} s" if spec.hop_seconds else ""
    return f"{spec.layout} {' x '.join(map(str, spec.shape[:2]))} of {spec.window_seconds:g} s{hop}"


def chosen_kind(spec: FrontEnd, kind: str | None) -> str | None:
    """Return which files of a dataset are used: pictures show the public pictures' front ends and no other.

    Raises `UsageError` if `kind` is "pictures" and they do not show it.
    """
    if pictures_show(spec):
        return kind
    if kind == "pictures":
        raise UsageError(
            "--kind pictures: pictures show gtzan-picture, mel-grid or mel-columns alone: use --kind audio"
        )
    return "audio"
