"""Endpoints of the history: events, counts, CSV, clips, corrections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse

from runtime.output import csv_line
from runtime.serve import charts
from runtime.serve.api_files import chosen_label, kept
from runtime.serve.bodies import integer, json_field, number, parameters
from runtime.serve.event_log import DAY, PAGE, UNITS, LoggedEvent, Selection
from runtime.serve.replies import Refusal, reply
from runtime.serve.state import State

LATEST = 4_102_444_800
"""Seconds since 1970 of the year 2100."""
LARGEST_ID = (1 << 53) - 1
FIELDS = ("id", "start", "end", "label", "probability", "confirmed", "clip")
SELECTION = ("label", "since", "until", "before")


class EventsApi:
    """Reads and corrects the log."""

    def __init__(self, state: State) -> None:
        self._state = state

    def newest(self, request: Request) -> Response:
        """Return events, newest first."""
        values = parameters(request, (*SELECTION, "limit"))
        limit = integer(values, "limit", 1, PAGE) or 100
        return reply({"events": [self._shown(event) for event in self._state.log.newest(_selection(values), limit)]})

    def csv(self, request: Request) -> Response:
        """Return all events as CSV."""
        selection = _selection(parameters(request, SELECTION))

        def lines() -> Iterator[bytes]:
            yield f"{csv_line(FIELDS)}\r\n".encode()
            for event in self._state.log.all(selection):
                shown = self._shown(event)
                cells = [_cell(shown[name]) for name in FIELDS]
                yield f"{csv_line(cells)}\r\n".encode("utf-8", "backslashreplace")

        headers = {"Content-Disposition": 'attachment; filename="events.csv"'}
        return StreamingResponse(lines(), headers=headers, media_type="text/csv; charset=utf-8")

    def counts(self, request: Request) -> Response:
        """Return how many events of each label there are per hour or day."""
        values = parameters(request, ("by", "days"))
        by = _unit(values)
        days = number(values, "days", 0, 36_500)
        since = time.time() - DAY * ((1 if by == "hour" else 30) if days is None else days)
        return reply({"by": by, "counts": self._state.log.counts(by, since)})

    def recent_chart(self, request: Request) -> Response:
        """Return the last ten minutes as HTML."""
        parameters(request, ())
        zone = datetime.now().astimezone().tzinfo or UTC
        return HTMLResponse(charts.recent(self._state.log, time.time(), zone))

    def counts_chart(self, request: Request) -> Response:
        """Return the counts as HTML."""
        by = _unit(parameters(request, ("by",)))
        return HTMLResponse(charts.counts(self._state.log, by, datetime.now().astimezone()))

    def clip(self, request: Request) -> Response:
        """Return an event's clip, a WAV file."""
        parameters(request, ())
        path = self._path(self._event(request))
        if path is None:
            raise Refusal(404, "this event has no clip")
        return FileResponse(path, media_type="audio/wav")

    async def confirm(self, request: Request) -> Response:
        """Confirm or correct an event's label: its clip moves into that label's folder."""
        parameters(request, ())
        event = self._event(request)
        label = chosen_label(self._state, await json_field(request, "label"))
        clips = kept(self._state)
        clip = clips.confirm(event.clip, label) if event.clip else None
        if clip is None:
            raise Refusal(404, "this event has no clip")
        self._state.log.set_clip(event.id, clip, label)
        return reply({"clip": clip})

    def _event(self, request: Request) -> LoggedEvent:
        text = request.path_params["event"]
        event = self._state.log.get(int(text)) if text.isdecimal() and len(text) <= 15 else None
        if event is None:
            raise Refusal(404, "there is no such event")
        return event

    def _path(self, event: LoggedEvent) -> Path | None:
        return self._state.clips.path(event.clip) if self._state.clips and event.clip else None

    def _shown(self, event: LoggedEvent) -> dict[str, Any]:
        return {
            "id": event.id,
            "start": _time(event.start),
            "end": _time(event.end),
            "label": event.label,
            "probability": round(event.probability, 6),
            "confirmed": event.confirmed,
            "clip": None if self._path(event) is None else f"/api/events/{event.id}/clip",
        }


def _unit(values: dict[str, str]) -> str:
    by = values.get("by", "hour")
    if by not in UNITS:
        raise Refusal(400, f"by is {by!r}: give one of {', '.join(UNITS)}")
    return by


def _selection(values: dict[str, str]) -> Selection:
    since, until = (number(values, name, 0, LATEST) for name in ("since", "until"))
    return Selection(values.get("label"), since, until, integer(values, "before", 1, LARGEST_ID))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value
