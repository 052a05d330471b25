"""Fixtures: the built-in model, an application around it, sounds."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from runtime.classifier import Classifier
from runtime.serve.app import application
from runtime.serve.arguments import parser, request
from runtime.serve.state import State, open_state

ADDRESS = "http://127.0.0.1:8080"
TOKEN = "0123456789abcdef"
RATE = 22_050
Served = Callable[..., tuple[TestClient, State]]


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """Return the built-in model, ready."""
    return Classifier.load(threads=1)


@pytest.fixture
def served(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Return what makes a client of an application, and its state, from a command line's words."""
    states: list[State] = []

    def make(*words: str, token: str | None = None, address: str = ADDRESS) -> tuple[TestClient, State]:
        if token is None:
            monkeypatch.delenv("GTZANET_TOKEN", raising=False)
        else:
            monkeypatch.setenv("GTZANET_TOKEN", token)
        state = open_state(classifier, request(arguments(*words)), print)
        states.append(state)
        return TestClient(application(state), address, raise_server_exceptions=False, follow_redirects=False), state

    yield make
    for state in states:
        state.close()


def arguments(*words: str) -> argparse.Namespace:
    """Return the parsed words of a command line."""
    return parser("serve").parse_args(words)


def noise(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Return mono noise, float32."""
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    """Return samples as the bytes of a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def pcm(samples: np.ndarray) -> bytes:
    """Return samples as raw 16-bit ones."""
    return (samples * 32767).astype("<i2").tobytes()


class Stdin:
    """A standard input that holds bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Callable[[State, bytes], list[str]]:
    """Return what lets a state's ear hear raw samples to their end; it returns its sentences."""

    def hear(state: State, data: bytes) -> list[str]:
        monkeypatch.setattr(sys, "stdin", Stdin(data))
        sentences: list[str] = []
        assert state.ear is not None
        state.ear.listen(sentences.append, None)
        return sentences

    return hear


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    """Return a folder for clips."""
    folder = tmp_path / "keep"
    folder.mkdir()
    return folder
