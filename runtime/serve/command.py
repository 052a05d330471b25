"""The job of `python -m runtime serve`."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import socket
import sqlite3
import threading
import time

from runtime.classifier import Classifier
from runtime.serve.event_log import EventLog
from runtime.serve.request import ServeRequest
from runtime.stream import microphone
from runtime.stream.blocks import Report
from toolkit.errors import UsageError

TRIM_SECONDS = 3600
BACKLOG = 128


def work(arguments: argparse.Namespace, report: Report) -> int:
    """Serve until a signal comes; return 0."""
    from runtime.serve.arguments import request

    requested = request(arguments)
    for module in ("starlette", "uvicorn"):
        if importlib.util.find_spec(module) is None:
            raise UsageError(f"serve needs {module}: run `pip install 'gtzanet-edge[serve]'`")
    listening = bound_socket(requested)
    if requested.live is not None and requested.live.microphone:
        microphone.sounddevice()
    from runtime.classify import load
    from runtime.default_model import find_model

    path = arguments.model or find_model()
    classifier, _ = load(path, "", arguments.engine, arguments.threads, arguments.backbone)
    if arguments.model is None:
        report(f"using {path}")
    _serve(classifier, requested, listening, report)
    return 0


def bound_socket(request: ServeRequest) -> socket.socket:
    """Return the socket to listen on; raise `UsageError` where it is in use, or open to others without a token."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(request.host, request.port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name"
        raise UsageError(f"--host {request.host}: no address of this machine ({reason})") from None
    if request.token is None and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise UsageError(
            f"--host {request.host}: others can reach it: set a token (variable GTZANET_TOKEN, or --token-file)"
        )
    bound = socket.socket(family, kind)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(BACKLOG)  # who comes while the model loads waits; a second server is refused at once
    except OSError as error:
        bound.close()
        raise UsageError(f"--host {request.host} --port {request.port}: {error.strerror}: choose another") from None
    return bound


def _serve(classifier: Classifier, request: ServeRequest, listening: socket.socket, report: Report) -> None:
    from runtime.serve.app import application
    from runtime.serve.server import PageServer
    from runtime.serve.state import open_state

    state = open_state(classifier, request, report)
    server = PageServer(application(state), state.live)
    failure: list[Exception] = []

    def listen() -> None:
        assert state.ear is not None
        try:
            state.ear.listen(report, address)
        except Exception as error:  # a server whose ear is dead would say that it listens
            failure.append(error)
            server.should_exit = True

    port = listening.getsockname()[1]
    address = request.url or (f"http://{socket.gethostname()}:{port}/" if request.token else None)
    if state.ear is not None:
        threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=_trim, args=(state.log, report), daemon=True).start()
    host = f"[{request.host}]" if ":" in request.host else request.host
    report(f"the page: http://{host}:{port}/")
    server.run([listening])
    state.close()
    if failure:
        raise failure[0]


def _trim(log: EventLog, report: Report) -> None:
    while True:
        time.sleep(TRIM_SECONDS)
        try:
            log.trim()
        except sqlite3.Error as error:
            report(f"the log is not trimmed now: {error}")
