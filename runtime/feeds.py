"""Where endless sound comes from: raw samples on standard input, or a microphone."""

from __future__ import annotations

import importlib
import queue
import select
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from runtime.sources import STDIN_NAME, Raw
from toolkit import pcm
from toolkit.errors import AudioError, UsageError

Blocks = Iterator[NDArray[np.float32] | None]
"""Samples (n, channels), or None where sound was lost: what follows does not continue what was before."""
Say = Callable[[str], None]

STALL_SECONDS = 10.0
RETRY_SECONDS = 2.0
QUEUED = 256
"""Blocks of a microphone that wait for the computer: about ten seconds."""
_BYTES = 1 << 16


def piped(raw: Raw, say: Say, file: BinaryIO | None = None, stall: float = STALL_SECONDS) -> Blocks:
    """Yield raw samples from standard input until it ends; say so where none come for a while.

    Raises
    ------
    UsageError
        If there is no such format.
    AudioError
        If the bytes are those of a sound file, or end within a sample.
    """
    source: Any = file or sys.stdin.buffer
    size = pcm.check_format(raw.format, raw.channels)
    rest = b""
    while True:
        _wait(source, stall, say)
        data = source.read1(_BYTES)
        if not data:
            break
        rest += data
        whole = len(rest) - len(rest) % size
        if whole:
            yield pcm.decode(rest[:whole], raw.format, raw.channels)
            rest = rest[whole:]
    if rest:
        raise AudioError(f"{STDIN_NAME}: it ends within a sample: {len(rest)} bytes are left over")


def _wait(source: Any, stall: float, say: Say) -> None:
    """Return when there is something to read, if the system can tell; say so where that takes long."""
    try:
        ready = bool(select.select([source], [], [], stall)[0])
    except (OSError, ValueError):  # a file that cannot be waited for
        return
    if not ready:
        say(f"no sound for {stall:g} s; waiting")
        select.select([source], [], [])
        say("sound again")


def microphone(device: str | None, rate: int, say: Say, stall: float = STALL_SECONDS) -> Blocks:
    """Yield what a microphone hears, for good: where it stalls or is unplugged, it is opened again until it is there.

    Parameters
    ----------
    device
        Name (or a part of it) or number of the device, as the operating system gives it; None for its default.
    rate
        Samples a second that are asked of it.
    say
        Called with a sentence when sound is lost, and when it is back.
    stall
        Seconds without sound after which the device is opened again.

    Raises
    ------
    UsageError
        If there is no such device when it is first opened.
    AudioError
        If sounddevice, or the PortAudio library that it needs, is not installed.
    """
    module = _sounddevice()
    chosen: str | int | None = int(device) if device is not None and device.isdecimal() else device
    opened_once = False
    while True:
        waiting: queue.Queue[NDArray[np.float32]] = queue.Queue(QUEUED)
        lost: list[bool] = []
        try:
            with module.InputStream(
                samplerate=rate, channels=1, dtype="float32", device=chosen, callback=_keep(waiting, lost)
            ):
                if opened_once:
                    say("sound again")
                opened_once = True
                while True:
                    yield waiting.get(timeout=stall)
                    if lost:
                        lost.clear()
                        say("the computer is too slow: sound was lost")
                        yield None
        except queue.Empty:
            say(f"no sound for {stall:g} s; opening the microphone again")
        except (module.PortAudioError, ValueError) as error:
            if not opened_once:
                raise UsageError(f"{_called(device)}: {_first(error)}; there are: {_devices(module)}") from None
            say(f"the microphone is gone ({_first(error)}); trying again")
            time.sleep(RETRY_SECONDS)
        yield None


def _keep(waiting: queue.Queue[NDArray[np.float32]], lost: list[bool]) -> Callable[..., None]:
    """Return what PortAudio calls with every block."""

    def callback(block: NDArray[np.float32], frames: int, times: Any, status: Any) -> None:
        try:
            waiting.put_nowait(block.copy())
        except queue.Full:
            lost.append(True)
        if status:
            lost.append(True)

    return callback


def _sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise AudioError("--listen needs sounddevice: run `pip install 'gtzanet-edge[mic]'`") from None
    except OSError:
        raise AudioError("--listen needs the PortAudio library: run `sudo apt install libportaudio2`") from None


def _called(device: str | None) -> str:
    return "there is no microphone" if device is None else f"--device {device} is no microphone"


def _devices(module: Any) -> str:
    try:
        found = [
            f"{number} {item['name']}"
            for number, item in enumerate(module.query_devices())
            if item["max_input_channels"] > 0
        ]
    except module.PortAudioError:
        found = []
    return ", ".join(found) or "none"


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
