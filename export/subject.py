"""What is exported: a network, and what the cards of all of its files say."""

from __future__ import annotations

from dataclasses import dataclass, field

from toolkit.artifact.card_checks import NO_ACTIVATION
from toolkit.artifact.card_sections import DatasetCard, OriginCard, SplitCard
from toolkit.frontend.spec import FrontEnd

OWN_RUN = OriginCard("run", "", "", "", "")


@dataclass(frozen=True)
class Subject:
    """A network, whoever trained it; `labels` are in the order of its output."""

    name: str
    labels: tuple[str, ...]
    front_end: FrontEnd
    level: str  # what it accepts: "picture", "grid" or "waveform"; a head's is "embedding"
    run_digest: str
    dataset: DatasetCard
    split: SplitCard
    activation: str = "softmax"  # of its output; "sigmoid" where several labels may fit, "none" of an embedding
    thresholds: tuple[float, ...] = ()  # of a sigmoid's labels: from which score on each applies
    min_confidence: float = 0.0  # below which the most probable label is shown as unknown
    origin: OriginCard = OWN_RUN
    licence: str = "MIT"
    backbone: str = ""  # of a head: the digest of its backbone's network, and how many features that returns
    features: int = 0
    versions: dict[str, str] = field(default_factory=dict)  # of further packages that decide the files' bytes

    @property
    def is_embedding(self) -> bool:
        """Whether the output is features, rather than scores of labels."""
        return self.activation == NO_ACTIVATION
