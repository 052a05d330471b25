"""What all endpoints share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from runtime.classifier import Classifier
from runtime.serve.clips import Clips
from runtime.serve.columns import ColumnMaker
from runtime.serve.event_log import EventLog
from runtime.serve.listening import Ear
from runtime.serve.live import Live
from runtime.serve.recorder import KEPT_WINDOWS, Recorder
from runtime.serve.request import ServeRequest
from runtime.stream.blocks import Report
from toolkit.errors import UsageError


@dataclass(frozen=True)
class State:
    """The classifier, the live state, the log, the clips (None where none are kept) and the ear (None without sound).

    `turn` is held by who reads and classifies a file: one at a time, so that memory and the live sound do not suffer.
    """

    classifier: Classifier
    request: ServeRequest
    live: Live
    log: EventLog
    clips: Clips | None
    ear: Ear | None
    turn: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Close the log."""
        self.log.close()


def open_state(classifier: Classifier, request: ServeRequest, report: Report) -> State:
    """Open the log and the folder of clips; raise `UsageError` where one cannot be used."""
    spec = classifier.card.front_end
    columns = ColumnMaker(spec)
    live = Live(spec.n_mels, columns.per_second, "off" if request.live is None else "waiting")
    least = 2 * KEPT_WINDOWS * spec.window_samples
    if request.keep is not None and request.keep_mb * 1e6 < least:
        raise UsageError(f"--keep-mb is {request.keep_mb:g}: give {least / 1e6:.1f} or more, for a few clips")
    clips = None if request.keep is None else Clips(request.keep, round(request.keep_mb * 1e6))
    log = EventLog(request.log, request.keep_days, round(request.log_mb * 1e6))
    ear = None
    if request.live is not None:
        ear = Ear(
            classifier, request.live, live, lambda recent: Recorder(log, clips, recent, classifier.labels, report)
        )
    return State(classifier, request, live, log, clips, ear)
