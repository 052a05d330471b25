"""Fixtures of the tests of pages: ONNX Runtime Web's files, and folders that `--format web` wrote."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from export.web.onnxruntime_web import FILES
from tests.conftest import missing
from tests.export.web.pages import browser
from tests.run_maker import BACKBONES, made_page
from toolkit.data.synthetic import CLASSES, clip

CACHE = Path(__file__).parents[3] / ".cache" / "onnxruntime-web"


@pytest.fixture(scope="session")
def engine_files() -> Path:
    """Return the folder of ONNX Runtime Web's files, which `make .cache/onnxruntime-web` fetches from npm."""
    folder = Path(os.environ.get("ONNXRUNTIME_WEB", CACHE))
    if not all((folder / name).is_file() for name, _ in FILES.values()):
        missing(f"{folder} lacks ONNX Runtime Web: make .cache/onnxruntime-web")
    return folder


@pytest.fixture(scope="session")
def page_of(
    tmp_path_factory: pytest.TempPathFactory, engine_files: Path, request: pytest.FixtureRequest
) -> Callable[[str], Path]:
    """Return a function from a network's name to the folder of its page; tests must not write to it."""

    def page(network: str) -> Path:
        if network in BACKBONES:
            request.getfixturevalue("backbones")
        return made_page(tmp_path_factory.getbasetemp(), network, engine_files)

    return page


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with what the microphone of `launched` hears, again and again."""
    path = tmp_path_factory.mktemp("room") / "room.wav"
    soundfile.write(path, clip(CLASSES[2], 0, seconds=30, rate=32_000), 32_000)
    return path


@pytest.fixture(scope="module")
def launched(chromium: str, room: Path) -> Iterator[Any]:
    """Return a headless Chromium with a microphone, which it refuses to pages without a permission."""
    with browser(
        chromium, ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={room}"]
    ) as chrome:
        yield chrome
