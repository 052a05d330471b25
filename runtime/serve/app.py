"""The routes, behind the guard."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from runtime.serve.api_events import EventsApi
from runtime.serve.api_files import FilesApi
from runtime.serve.api_live import LiveApi
from runtime.serve.openapi import openapi
from runtime.serve.page import Page
from runtime.serve.replies import Refusal, refusal, reply
from runtime.serve.security import Guard
from runtime.serve.state import State


def application(state: State) -> ASGIApp:
    """Return the application that serves a state."""
    live, events, files, page = LiveApi(state), EventsApi(state), FilesApi(state), Page()
    document = openapi(state)
    routes = [
        _get("/", page.index),
        _get("/api", page.api),
        _get("/assets/{name}", page.asset),
        _get("/openapi.json", lambda request: reply(document)),
        _get("/healthz", live.health),
        _get("/metrics", live.metrics),
        _get("/api/now", live.now),
        _get("/api/model", live.model),
        _get("/api/stream", live.stream),
        _get("/api/events", events.newest),
        _get("/api/events.csv", events.csv),
        _get("/api/counts", events.counts),
        _get("/api/charts/recent", events.recent_chart),
        _get("/api/charts/counts", events.counts_chart),
        _get("/api/events/{event}/clip", events.clip),
        _post("/api/login", live.login),
        _post("/api/now/label", live.keep),
        _post("/api/events/{event}/label", events.confirm),
        _post("/api/classify", files.classify),
        _post("/api/clips", files.keep),
    ]
    handlers: dict[Any, Any] = {Refusal: _refused, HTTPException: _failed, OSError: _not_written}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, state.request, state.live)


def _get(path: str, endpoint: Any) -> Route:
    return Route(path, endpoint, methods=["GET"])


def _post(path: str, endpoint: Any) -> Route:
    return Route(path, endpoint, methods=["POST"])


async def _refused(request: Request, error: Refusal) -> Response:
    return refusal(error.status, error.sentence, error.headers)


async def _not_written(request: Request, error: OSError) -> Response:
    return refusal(507, f"the device cannot write it ({error.strerror or error}): look at its disk and its folders")


async def _failed(request: Request, error: HTTPException) -> Response:
    return refusal(error.status_code, error.detail.lower(), dict(error.headers or {}))
