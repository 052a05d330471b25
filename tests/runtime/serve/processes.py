"""A served page as a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.runtime.serve.conftest import RATE, pcm

PATIENCE = 60.0
"""Seconds until something that must happen counts as not happening."""


class Serving:
    """A process that serves; its standard input is open where it listens to that."""

    def __init__(self, *words: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "runtime", "serve", "--port", str(port), "--threads", "1", *words]
        environment = {name: value for name, value in os.environ.items() if name != "GTZANET_TOKEN"}
        started: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.process = started
        lines = iter(started.stderr.readline, b"")
        self.address = next(match[1].decode() for line in lines if (match := re.search(rb"the page: (http\S+)/", line)))
        self.lines: list[str] = []
        threading.Thread(target=lambda: self.lines.extend(line.decode() for line in lines), daemon=True).start()
        wait_for(lambda: self.get("/healthz"))

    @property
    def port(self) -> int:
        """Where it serves."""
        return int(self.address.rpartition(":")[2])

    def feed(self, samples: np.ndarray) -> None:
        """Write samples to its standard input."""
        self.process.stdin.write(pcm(samples))
        self.process.stdin.flush()

    def get(self, path: str) -> Any:
        """Return a JSON answer, or None where nobody answers yet."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=PATIENCE) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except OSError:
            return None

    def changes(self) -> Iterator[tuple[str, Any]]:
        """Yield the server-sent events as they come."""
        with urllib.request.urlopen(f"{self.address}/api/stream", timeout=PATIENCE) as response:
            name = ""
            for line in response:
                key, _, value = line.decode().strip().partition(": ")
                if key == "event":
                    name = value
                if key == "data":
                    yield name, json.loads(value)


@contextmanager
def serving(*words: str, port: int = 0) -> Iterator[Serving]:
    """Serve in the block."""
    serving = Serving(*words, port=port)
    try:
        yield serving
    finally:
        serving.process.kill()
        serving.process.wait()


def wait_for(condition: Callable[[], Any]) -> Any:
    """Return what a condition returns as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.1)
    return value


LISTENING = ("--stream", "--rate", str(RATE), "--hop", "1", "--smooth", "0")


def tone(seconds: float) -> np.ndarray:
    """Return chords, which sound like other music than noise."""
    times = np.arange(round(seconds * RATE)) / RATE
    return sum(0.1 * np.sin(2 * np.pi * pitch * times) for pitch in (220, 277, 330)).astype(np.float32)  # type: ignore[union-attr]
