"""What is exported: a network, and what the cards of all of its files say."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.artifact.card_sections import DatasetCard, SplitCard
from toolkit.frontend.spec import FrontEnd


@dataclass(frozen=True)
class Subject:
    """A network, whoever trained it; `labels` are in the order of its output."""

    name: str
    labels: tuple[str, ...]
    front_end: FrontEnd
    level: str  # what it accepts: "picture", "grid" or "waveform"
    run_digest: str
    dataset: DatasetCard
    split: SplitCard
