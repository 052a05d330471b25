"""Who may ask for what: rate, host, origin and token, checked in this order before any endpoint sees a request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
import time
from collections import OrderedDict
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.serve.live import Live
from runtime.serve.replies import refusal
from runtime.serve.request import ServeRequest

COOKIE = "gtzanet_edge"
OPEN = frozenset({"/", "/api", "/healthz", "/openapi.json", "/api/login"})
"""What needs no token: nothing of the device's sound is in it. Neither do the page's own files, `/assets/...`."""
ADDRESSES = 1024
"""Whose requests are counted; those of others are forgotten."""
WRONG_TOKENS = 10
"""Per minute and address."""
BURST_SECONDS = 20
"""The allowance of so much time may be used at once."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Allowance:
    """So many requests per minute for each address; they come back evenly."""

    def __init__(self, per_minute: float, burst: float) -> None:
        """Allow `burst` at once."""
        self._rate, self._burst = per_minute / 60, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, cost: float = 1.0) -> float:
        """Use `cost` and return 0, or return the seconds until so much is there."""
        now = time.monotonic()
        left, then = self._left.pop(address, (self._burst, now))
        left = min(self._burst, left + self._rate * (now - then))
        allowed = left >= cost
        self._left[address] = (left - cost if allowed else left, now)
        if len(self._left) > ADDRESSES:
            self._left.popitem(last=False)
        return 0.0 if allowed else (cost - left) / self._rate


class Guard:
    """An ASGI application that lets through what is allowed, counts answers and adds headers to them."""

    def __init__(self, app: ASGIApp, request: ServeRequest, live: Live) -> None:
        """Guard an application."""
        self._app, self._live, self._token = app, live, request.token
        host = socket.gethostname().lower()
        self._names = {"localhost", host, f"{host}.local", request.host.lower(), *request.names}
        if request.url:
            self._names.add((urlsplit(request.url).hostname or "").lower())
        rate = request.rate_limit
        self._requests = Allowance(rate, max(1.0, rate * BURST_SECONDS / 60)) if rate else None
        self._wrong = Allowance(WRONG_TOKENS, WRONG_TOKENS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._live.count_answer(message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self.refused(HTTPConnection(scope))
        await (refused or self._app)(scope, receive, send_guarded)

    def refused(self, request: HTTPConnection) -> Response | None:
        """Return the answer to a request that is not allowed, or None."""
        address = request.client.host if request.client else ""
        if self._requests and (wait := self._requests.wait(address)):
            return _later(wait, "too many requests")
        if not self._is_ours(request.headers.get("host", "")):
            return refusal(421, "the address names another host: use this machine's, or start with --allow-host NAME")
        if request.scope["method"] not in ("GET", "HEAD") and not _is_same_origin(request):
            return refusal(403, "the request comes from another site's page")
        path = request.scope["path"]
        if self._token is None or path in OPEN or path.startswith("/assets/"):
            return None
        if is_authorised(request, self._token):
            return None
        if shows_token(request) and (wait := self._wrong.wait(address)):
            return _later(wait, "too many wrong tokens")
        return refusal(401, "a token is needed: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})

    def _is_ours(self, host: str) -> bool:
        """Return whether a Host header names this machine: another site's name may lead here (DNS rebinding).

        A number cannot: a page whose address is a number was loaded from there.
        """
        match = re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^:/@\[\]]+)(:\d{1,5})?", host)
        if match is None:
            return False
        name = match[1].strip("[]").lower().removesuffix(".")
        return name in self._names or _is_number(name)


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_origin(request: HTTPConnection) -> bool:
    """Return whether no browser says that another site's page sends a request; programs say nothing."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == request.headers.get("host", "").lower()


def shows_token(request: HTTPConnection) -> bool:
    """Return whether a request shows any token."""
    return "authorization" in request.headers or COOKIE in request.cookies


def is_authorised(request: HTTPConnection, token: str) -> bool:
    """Return whether a request shows the token, as a header, or as the cookie of `cookie_of`."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and is_token(value.strip(), token):
        return True
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), cookie_of(token).encode())


def is_token(value: str, token: str) -> bool:
    """Return whether a value is the token, in a time that does not depend on where they differ."""
    return hmac.compare_digest(value.encode("utf-8", "surrogatepass"), token.encode())


def cookie_of(token: str) -> str:
    """Return the cookie of who knows the token; the token cannot be computed from it."""
    return hashlib.sha256(b"gtzanet-edge cookie " + token.encode()).hexdigest()


def _later(wait: float, what: str) -> Response:
    return refusal(429, f"{what}: wait {wait:.0f} s", {"Retry-After": str(max(1, round(wait)))})
