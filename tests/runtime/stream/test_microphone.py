"""How a microphone is opened."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runtime.stream import microphone


@pytest.mark.parametrize(("device", "chosen"), [(None, None), ("12", 12), ("USB mic", "USB mic"), ("-1", "-1")])
def test_a_microphone_is_opened_with_one_channel_of_the_device_at_the_rate(
    device: str | None, chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    class InputStream:
        def __init__(self, callback: Any, **options: Any) -> None:
            opened.append(options)
            callback(np.full((3, 1), 0.5, np.float32), 3, None, None)

        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(InputStream=InputStream, PortAudioError=OSError))
    blocks = microphone.microphone(device, 16_000, pytest.fail, stall=5)
    block = next(blocks)
    assert block is not None and block.tolist() == [[0.5]] * 3
    size = 16_000 // microphone.BLOCKS_PER_SECOND
    assert opened == [{"samplerate": 16_000, "channels": 1, "dtype": "float32", "device": chosen, "blocksize": size}]
