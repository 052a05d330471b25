"""The HTTP server: uvicorn, with one worker, that ends with 0 when a signal comes."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from runtime.serve.live import Live

CONNECTIONS = 100
"""At most: a Pi is no public server."""


HEAD_SECONDS = 20.0
"""A connection that waits this long, or at most twice as long, for the whole head of a request is closed."""


class _Protocol(H11Protocol):
    """HTTP/1.1 for clients that send their requests: uvicorn waits for ever once a byte has come."""

    _seen: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is self._seen:
            self.transport.close()
        else:
            self._seen = self.cycle if idle else self
            self._timer = self.loop.call_later(HEAD_SECONDS, self._check)


class PageServer(uvicorn.Server):
    """Serves until SIGTERM, SIGINT or `should_exit`."""

    def __init__(self, app: ASGIApp, live: Live) -> None:
        """Serve an application; streams end when `live` is closed."""
        self._live = live
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http=_Protocol,
            ws="none",
            proxy_headers=False,  # a header must not choose the address that requests are counted for
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=1 << 15,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server; uvicorn's own would raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        self._live.close()
        self.should_exit = True
