"""Which engine can be installed where, and the command that does it."""

from __future__ import annotations

import pytest

from runtime.engines.registry import ENGINES
from runtime.engines.wheels import WHEELS, Host, glibc, how_to_install, how_to_install_one, obstacle, this_host

PI = Host("aarch64", (2, 36), (3, 11))
OLD_PI = Host("armv7l", (2, 36), (3, 11))


def test_every_engine_is_known() -> None:
    assert set(WHEELS) == set(ENGINES)


@pytest.mark.parametrize(
    ("host", "engine", "expected"),
    [
        (PI, "litert", "run `pip install ai-edge-litert`"),
        (PI, "onnxruntime", "run `pip install onnxruntime`"),
        (OLD_PI, "tflite-runtime", 'run `pip install tflite-runtime==2.14.0 "numpy<2"`'),
        (OLD_PI, "litert", "cannot be installed here: there is no build of it for armv7l (but for x86_64, aarch64)"),
        (Host("armv7l", (2, 41), (3, 13)), "tflite-runtime", "no build of it for Python 3.13 (the last is 3.11)"),
        (Host("aarch64", (2, 31), (3, 11)), "tflite-runtime", "needs glibc 2.34 or later, and this system has 2.31"),
        (Host("x86_64", None, (3, 12)), "litert", "needs glibc, and this system has another C library"),
    ],
)
def test_the_advice_fits_the_machine(host: Host, engine: str, expected: str) -> None:
    assert expected in how_to_install(engine, host)
    assert (obstacle(engine, host) is None) == expected.startswith("run")


def test_the_first_that_can_be_installed_is_named() -> None:
    assert "tflite-runtime" in how_to_install_one(["litert", "tflite-runtime"], OLD_PI)
    assert "ai-edge-litert" in how_to_install_one(["litert", "tflite-runtime"], PI)
    advice = how_to_install_one(["litert", "onnxruntime"], OLD_PI)
    assert advice.startswith("none can be: litert: there is no build") and "onnxruntime: there" in advice


def test_this_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_host().architecture and this_host().python >= (3, 11)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr("struct.calcsize", lambda format: 4)
    assert this_host().architecture == "armv7l", "32-bit programs on a 64-bit kernel"


@pytest.mark.parametrize(
    ("name", "version", "expected"), [("glibc", "2.36", (2, 36)), ("musl", "1.2", None), ("", "", None)]
)
def test_c_libraries(name: str, version: str, expected: tuple[int, int] | None) -> None:
    assert glibc(name, version) == expected
