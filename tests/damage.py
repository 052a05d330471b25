"""Random damage to model files: it must be found, or change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from toolkit.artifact.card import Card
from toolkit.artifact.file import read_model
from toolkit.errors import ArtifactError


def check_changed_byte(whole: bytes, place: int, path: Path) -> None:
    """Change a bit of the byte at `place`, inside the model proper, and assert that it is found."""
    content = bytearray(whole)
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged: the model is not the one"):
        read_model(path)


def check_damaged(whole: bytes, card: Card, path: Path, data: st.DataObject) -> None:
    """Change a few bytes of the file `whole`, cut it, and assert that it is refused or still says `card`."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    try:
        model = read_model(path)
    except ArtifactError:
        return
    assert model.card == card
