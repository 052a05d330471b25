"""What to measure and how, and how progress is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.measure.latency import TimingPlan
from toolkit.parallel import Progress

Stage = Callable[[str], AbstractContextManager[Progress]]
"""Opens a stage of the work by its name and yields the function that reports how far it is."""


@dataclass(frozen=True)
class Settings:
    """What to measure and how; `clip` is the audio file that is classified from file to label.

    Every file is measured with each of `threads`. Without `whole` nothing is classified from file to label, and no
    process is started for that: the network alone is timed.
    """

    clip: Path
    threads: tuple[int, ...]
    part: str = "validation"
    split: str | None = None
    plan: TimingPlan = field(default_factory=TimingPlan)
    engine: str | None = None
    cache: Path | None = None
    whole: bool = True


@contextmanager
def silent(_: str) -> Iterator[Progress]:
    """Open a stage that reports nothing."""
    yield lambda done, total: None
