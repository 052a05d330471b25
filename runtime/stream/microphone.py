"""A microphone as blocks of samples, through sounddevice and PortAudio."""

from __future__ import annotations

import importlib
import queue
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.stream.blocks import Blocks, Report
from toolkit.error_text import first_line
from toolkit.errors import AudioError, UsageError

RETRY_SECONDS = 2.0
BLOCKS_PER_SECOND = 25
QUEUED = 15 * BLOCKS_PER_SECOND
"""Blocks that may wait to be classified."""


def microphone(device: str | None, rate: int, report: Report, stall: float) -> Blocks:
    """Yield a microphone's samples without end. One that stalls or is unplugged is opened again until it is back.

    Parameters
    ----------
    device
        Name (or a part of it) or number of the device, as the operating system lists it; None for its default.
    rate
        Samples per second.
    report
        Called with a sentence when sound is lost, and when the device goes and comes back.
    stall
        Seconds without sound after which the device is opened again.

    Raises
    ------
    UsageError
        If the device cannot be opened the first time.
    AudioError
        If sounddevice, or the PortAudio library that it needs, is not installed.
    """
    module = sounddevice()
    chosen: str | int | None = int(device) if device is not None and device.isdecimal() else device
    options = {"samplerate": rate, "channels": 1, "dtype": "float32", "device": chosen}
    opened = gone = False
    while True:
        waiting: queue.Queue[NDArray[np.float32] | None] = queue.Queue(QUEUED)
        try:
            with module.InputStream(blocksize=rate // BLOCKS_PER_SECOND, callback=_keep(waiting), **options):
                opened = True
                while True:
                    block = waiting.get(timeout=stall)
                    if gone:
                        report("the microphone is back")
                        gone = False
                    if block is None:
                        report("the computer is too slow: sound was lost")
                    yield block
        except queue.Empty:
            pass
        except (module.PortAudioError, ValueError) as error:
            if not opened:
                raise UsageError(_refusal(module, device, rate, error)) from None
            if not gone:
                report(f"the microphone is gone ({first_line(error)}); trying again")
            gone = True
            time.sleep(RETRY_SECONDS)
        _refresh_devices(module)
        yield None


def _keep(waiting: queue.Queue[NDArray[np.float32] | None]) -> Callable[..., None]:
    """Return PortAudio's callback: it puts every block into the queue, and None where some were lost."""
    lost = False

    def callback(block: NDArray[np.float32], frames: int, times: Any, status: Any) -> None:
        nonlocal lost
        lost = lost or bool(status)
        try:
            if lost:
                waiting.put_nowait(None)
                lost = False
            waiting.put_nowait(block.copy())
        except queue.Full:
            lost = True

    return callback


def _refresh_devices(module: Any) -> None:
    """Restart PortAudio, which lists the devices only when it starts."""
    for step in ("_terminate", "_initialize"):
        if hasattr(module, step):
            getattr(module, step)()


def _refusal(module: Any, device: str | None, rate: int, error: Exception) -> str:
    """Return a message: why a microphone cannot be opened, and what to do."""
    called = "the microphone" if device is None else f"--device {device}"
    hint = f"try --rate 48000, or --device with one of these: {_devices(module)}"
    return f"{called} cannot be opened at {rate} Hz ({first_line(error)}): {hint}"


def sounddevice() -> Any:
    """Return the module that opens microphones; raise `AudioError` where it or PortAudio is not installed."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise AudioError("--listen needs sounddevice: run `pip install sounddevice`") from None
    except OSError:
        raise AudioError("--listen needs the PortAudio library: run `sudo apt install libportaudio2`") from None


def _devices(module: Any) -> str:
    try:
        input_devices = [
            f"{number} {item['name']}"
            for number, item in enumerate(module.query_devices())
            if item["max_input_channels"] > 0
        ]
    except module.PortAudioError:
        input_devices = []
    return ", ".join(input_devices) or "none"
