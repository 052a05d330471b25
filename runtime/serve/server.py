"""The HTTP server: uvicorn, with one worker, that ends with 0 when a signal comes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from runtime.serve.live import Live

CONNECTIONS = 100
"""At most: a Pi is no public server."""


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
            http="h11",
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
