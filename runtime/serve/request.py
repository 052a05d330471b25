"""What to serve, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.stream.events import Settings
from runtime.stream.listen import LiveRequest


@dataclass(frozen=True)
class ServeRequest:
    """What to serve, and to whom.

    Attributes
    ----------
    host, port
        Where to listen for requests.
    token
        What a request must show; None for nothing.
    names
        Names of this machine that requests may use besides its own.
    url
        The page's address; None for one of the host's name.
    log
        The SQLite file of events; None for memory.
    keep
        The folder of clips; None for none.
    settings
        How sound becomes labels.
    live
        The source of endless sound; None for none.
    max_mb, keep_mb, log_mb, keep_days, rate_limit
        Limits: of an upload, the clips, the log, an event's age, and requests per minute and address.
    """

    host: str
    port: int
    token: str | None
    names: frozenset[str]
    url: str | None
    log: Path | None
    keep: Path | None
    settings: Settings
    live: LiveRequest | None
    max_mb: float
    keep_mb: float
    log_mb: float
    keep_days: float
    rate_limit: float
