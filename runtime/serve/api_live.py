"""Endpoints of what sounds now, and of the server: health, metrics, login."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runtime.serve.api_files import chosen_label, kept
from runtime.serve.bodies import json_field, parameters
from runtime.serve.columns import ColumnMaker
from runtime.serve.metrics import metrics
from runtime.serve.replies import Refusal, refusal, reply
from runtime.serve.security import COOKIE, WRONG_TOKENS, Allowance, cookie_of, is_token
from runtime.serve.state import State
from toolkit.frontend.colormap import MAGMA

STREAMS = 40
"""Pages that may be open at once."""
POLL_SECONDS = 0.1
COMMENT_SECONDS = 15.0
"""A stream that says nothing is closed by proxies."""
COOKIE_SECONDS = 30 * 86_400


class LiveApi:
    """Reads the live state."""

    def __init__(self, state: State) -> None:
        self._state, self._streams = state, 0
        self._logins = Allowance(WRONG_TOKENS, WRONG_TOKENS)

    def now(self, request: Request) -> Response:
        """Return what sounds now."""
        parameters(request, ())
        return reply(self._state.live.now())

    def model(self, request: Request) -> Response:
        """Return what a page must know once."""
        parameters(request, ())
        state = self._state
        card, columns = state.classifier.card, ColumnMaker(state.classifier.card.front_end)
        return reply(
            {
                "model": f"{card.model}-{card.precision}",
                "labels": card.labels,
                "notice": card.dataset.notice,
                "hop_seconds": None if state.ear is None else state.ear.hop_seconds,
                "bands": card.front_end.n_mels,
                "columns": state.live.length,
                "contrast": columns.contrast,
                "colours": base64.b64encode(MAGMA.tobytes()).decode(),
                "source": state.live.source,
                "keeps_clips": state.clips is not None,
                "max_bytes": round(state.request.max_mb * 1e6),
            }
        )

    def stream(self, request: Request) -> Response:
        """Return server-sent events: `now` after each hop, and `columns` of the spectrogram."""
        parameters(request, ())
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        if self._streams >= STREAMS:
            raise Refusal(503, f"{STREAMS} pages are open: close one", {"Retry-After": "5"})
        return StreamingResponse(self._events(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def _events(self) -> AsyncIterator[str]:
        live, version, first, shown = self._state.live, -1, 0, None
        spoken = time.monotonic()
        self._streams += 1
        try:
            while not live.closed:
                if version != live.version:
                    version, now, columns = live.version, live.now(), live.columns_from(first)
                    if now != shown:
                        shown = now
                        yield _event("now", now)
                    if len(columns.values):
                        first = columns.first + len(columns.values)
                        data = base64.b64encode(columns.values.tobytes()).decode()
                        yield _event("columns", {"first": columns.first, "data": data})
                    spoken = time.monotonic()
                elif time.monotonic() - spoken > COMMENT_SECONDS:
                    spoken = time.monotonic()
                    yield ":\n\n"
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._streams -= 1

    async def keep(self, request: Request) -> Response:
        """Keep the newest window of sound as a clip of the label."""
        parameters(request, ())
        label = chosen_label(self._state, await json_field(request, "label"))
        clips, ear = kept(self._state), self._state.ear
        samples = None if ear is None else ear.recent.newest()
        if ear is None or samples is None or not len(samples):
            raise Refusal(409, "there is no sound to keep")
        clip = await run_in_threadpool(clips.save, samples, ear.recent.rate, label)
        return reply({"clip": clip}, 201)

    async def login(self, request: Request) -> Response:
        """Exchange the token for a cookie, which streams and players need."""
        parameters(request, ())
        token = self._state.request.token
        value = await json_field(request, "token")
        if token is None:
            raise Refusal(409, "no token is needed")
        if wait := self._logins.wait(request.client.host if request.client else ""):
            raise Refusal(429, "too many attempts: wait", {"Retry-After": str(max(1, round(wait)))})
        if not is_token(value, token):
            return refusal(401, "this is not the token", {"WWW-Authenticate": "Bearer"})
        response = Response(status_code=204)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, cookie_of(token), COOKIE_SECONDS, httponly=True, samesite="strict", secure=secure)
        return response

    def health(self, request: Request) -> Response:
        """Return 200 while all works, 503 where the source of sound has stalled or ended."""
        parameters(request, ())
        source = self._state.live.source
        works = source not in ("stalled", "ended")
        return reply({"status": "ok" if works else "no sound", "source": source}, 200 if works else 503)

    def metrics(self, request: Request) -> Response:
        """Return counters for Prometheus."""
        parameters(request, ())
        text = metrics(self._state.live, self._streams)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False, allow_nan=False)}\n\n"
