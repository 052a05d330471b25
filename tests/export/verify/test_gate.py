"""A written file is read again: another card, or other probabilities than the measured ones, refuse it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from export.keras import Reference
from export.verify import gate
from tests.cards import example_card
from toolkit.artifact.card import Card
from toolkit.errors import ArtifactError

PROBABILITIES = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)


@pytest.mark.parametrize(
    ("off", "other_card", "refused"), [(0, False, False), (5e-6, False, False), (5e-5, False, True), (0, True, True)]
)
def test_what_is_read_back_must_be_what_was_written(
    off: float, other_card: bool, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = example_card()
    written: list[Card] = []
    measured = SimpleNamespace(accuracy=draft.accuracy, parity=draft.parity, temperature=1.25, metrics={})

    def append_card(content: bytes, card: Card) -> bytes:
        written.append(card)
        return content

    monkeypatch.setattr(gate, "append_card", append_card)
    monkeypatch.setattr(gate, "probabilities_of", lambda engine, expected: PROBABILITIES)
    monkeypatch.setattr(gate, "measure", lambda *arguments: measured)
    monkeypatch.setattr(gate, "golden_samples", lambda engine: draft.golden)

    def open_engine(path: Path, threads: int, backbone: Path | None) -> Any:
        assert path.read_bytes() == b"model" and backbone is None
        return SimpleNamespace(card=draft, run=lambda batch: PROBABILITIES[:1] + np.float32(off))

    def read_card(path: Path) -> Card:
        assert path.read_bytes() == b"model"
        return replace(written[-1], temperature=2.0) if other_card else written[-1]

    monkeypatch.setattr(gate, "open_engine", open_engine)
    monkeypatch.setattr(gate, "read_card", read_card)
    expected = Reference.of("ab", np.zeros((2, 2, 2, 3), np.uint8), PROBABILITIES, np.array([1, 0]))
    with pytest.raises(ArtifactError, match="does not read back") if refused else nullcontext():
        card = gate.checked(tmp_path / "a.tflite", b"model", draft, expected, None, 1.0)
        assert (card.temperature, card) == (1.25, written[-1])
