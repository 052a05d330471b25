"""Endpoints of files: classify one, keep one as a clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from runtime.serve import charts
from runtime.serve.bodies import parameters, uploaded
from runtime.serve.classify import answer, read_short
from runtime.serve.clips import Clips, QuotaError
from runtime.serve.replies import Refusal, reply
from runtime.serve.state import State
from toolkit.errors import AudioError

CHART = ("0", "1")
WAITING = 8
"""Files that may wait for their turn."""


class FilesApi:
    """Reads one file at a time."""

    def __init__(self, state: State) -> None:
        self._state, self._waiting = state, 0

    async def classify(self, request: Request) -> Response:
        """Return the label, the probabilities and the timeline of the body, an audio file."""
        chart = parameters(request, ("chart",)).get("chart", "0")
        if chart not in CHART:
            raise Refusal(400, f"chart is {chart!r}: give 1 for the timeline as HTML, or 0")
        state = self._state

        def work(path: Path) -> dict[str, Any]:
            sound = read_short(path, state.classifier.card.front_end.sample_rate)
            return answer(state.classifier, sound, state.request.settings)

        value = await self._in_turn(request, work)
        state.live.count_classified()
        if chart == "1":
            value["chart"] = charts.of_file(value["events"], value["seconds"])
        return reply(value)

    async def keep(self, request: Request) -> Response:
        """Keep the body, an audio file, as a clip of the label."""
        label = chosen_label(self._state, parameters(request, ("label",)).get("label", ""))
        clips, rate = kept(self._state), self._state.classifier.card.front_end.sample_rate
        clip = await self._in_turn(request, lambda path: clips.save(read_short(path, rate).samples, rate, label))
        return reply({"clip": clip}, 201)

    async def _in_turn(self, request: Request, work: Callable[[Path], Any]) -> Any:
        if self._waiting >= WAITING:
            raise Refusal(503, "too many files wait: send it again later", {"Retry-After": "5"})
        self._waiting += 1
        try:
            async with uploaded(request, round(self._state.request.max_mb * 1e6)) as path:
                return await run_in_threadpool(self._locked, work, path)
        except AudioError as error:
            raise Refusal(422, f"the audio file: {error}") from None
        except QuotaError as error:
            raise Refusal(413, str(error)) from None
        finally:
            self._waiting -= 1

    def _locked(self, work: Callable[[Path], Any], path: Path) -> Any:
        with self._state.turn:
            return work(path)


def kept(state: State) -> Clips:
    """Return the clips; refuse where none are kept."""
    if state.clips is None:
        raise Refusal(409, "no clips are kept: start with --keep DIR")
    return state.clips


def chosen_label(state: State, label: str) -> str:
    """Return a label of the model; refuse others."""
    if label not in state.classifier.labels:
        raise Refusal(400, f"{label!r} is no label of the model: give one of those in /api/model")
    return label
