"""Damaged and synthetic sounds, raw streams and model files by the thousand: each is read, or refused in one sentence.

`python -m tests.fuzz.fuzzing KIND SEED COUNT [MODEL]` tries so many inputs in one process and prints what came of them.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.measure.fresh_process import peak_memory
from runtime.engines.load import open_engine
from toolkit.artifact.file import append_card, model_digest, read_archive
from toolkit.artifact.tflite import is_tflite
from toolkit.audio import decode, ogg, pcm
from toolkit.audio.samples import mono
from toolkit.errors import GtzanetError
from toolkit.frontend.spec import PICTURE

SOUNDS = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III", "aiff": "PCM_24", "au": "FLOAT"}
FORGED = "forged"
MODELS = ("tflite", "onnx", FORGED)
"""Model files; a forged one is a TFLite model that was damaged before it got its card, whose digest fits."""
KINDS = (*SOUNDS, "raw", *MODELS)
HANG_SECONDS = 60
TRUSTED_RATE = 22_050


@dataclass
class Tally:
    """What came of `tried` inputs; seconds of the slowest, and the highest memory of the process in bytes."""

    kind: str
    tried: int = 0
    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    peak_bytes: int = 0


def original(kind: str, model: Path | None, rng: random.Random) -> bytes:
    """Return an intact input of a kind."""
    if kind in MODELS:
        assert model is not None, f"{kind} needs a model file"
        return model.read_bytes()
    samples = np.random.default_rng(rng.randrange(2**32)).uniform(-0.9, 0.9, (rng.randint(1, 9000), rng.randint(1, 3)))
    if kind == "raw":
        return samples.astype("<f4").tobytes()
    stream = io.BytesIO()
    rate = rng.choice((8000, 22050, 44100)) if kind == "mp3" else rng.choice((8000, 11025, 22050, 44100, 96000))
    soundfile.write(
        stream, samples[:, :2] if kind == "mp3" else samples, rate, format=kind.upper(), subtype=SOUNDS[kind]
    )
    return sealed(stream.getvalue()) if kind == "ogg" else stream.getvalue()


def sealed(content: bytes) -> bytes:
    """Give Ogg pages a number of their stream that is always the same, and checksums that fit what is in them."""
    data, at = bytearray(content), content.find(ogg.MAGIC)
    while at >= 0 and at + 27 <= len(data):
        end = at + 27 + data[at + 26]
        end += sum(data[at + 27 : end])
        data[at + 14 : at + 18] = b"edge"
        data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = ogg._crc(data[at:end]).to_bytes(4, "little")
        at = data.find(ogg.MAGIC, at + 27)
    return bytes(data)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return bytes that were changed in one to five ways; headers, at both ends of files, are hit most often."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 5)):
        if not data:
            break
        span = rng.choice((64, 512, len(data)))
        place = rng.randrange(min(span, len(data)))
        place = len(data) - 1 - place if rng.random() < 0.4 else place
        length = rng.choice((1, 1, 2, 4, 8, 64, 1024))
        match rng.randrange(8):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                data[place : place + length] = rng.randbytes(length)
            case 2:
                data[place : place + length] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * length
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length] * rng.choice((1, 2, 50))
            case 5:
                del data[place:]
            case 6:
                other = rng.randrange(len(data))
                data[place : place + length] = data[other : other + length]
            case _:
                number = rng.choice((0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63))
                data[place : place + 8] = number.to_bytes(8, rng.choice(("little", "big")))
    return bytes(data)


def hostile(kind: str, model: Path | None, rng: random.Random) -> bytes:
    """Return an input: noise, or an intact one that was damaged; most Ogg files have checksums that fit the damage."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randint(0, 400))
    whole = original(kind, model, rng)
    if kind == FORGED and model is not None:
        archive = read_archive(model)
        content = damaged(whole[: archive.start], rng)
        card = replace(archive.card, model_digest=model_digest(content))
        return append_card(content, card) if is_tflite(content[:8]) else content
    content = damaged(whole, rng)
    return sealed(content) if kind == "ogg" and rng.random() < 0.8 else content


def attempt(kind: str, content: bytes, path: Path, rng: random.Random) -> None:
    """Read an input as the runtime does; raises `GtzanetError` where it is refused."""
    if kind == "raw":
        format, channels = rng.choice(list(pcm.FORMATS)), rng.randint(1, 4)
        pcm.check_beginning(content)
        decoded = np.asarray(mono(pcm.decode(content, format, channels)), np.float32)
        samples = decode.collected("raw", [decoded], rng.choice((8000, 44100)), TRUSTED_RATE)
        assert samples.ndim == 1 and np.isfinite(samples).all()
        return
    path.write_bytes(content)
    if kind in MODELS:
        open_engine(path, threads=1)  # unless it is forged, only the model that was exported comes here
        return
    samples = decode.load(path, PICTURE.sample_rate)
    assert samples.ndim == 1 and len(samples) and samples.dtype == np.float32 and np.isfinite(samples).all()


def fuzz(kind: str, seed: int, count: int, model: Path | None, note: Callable[[int], None]) -> Tally:
    """Try `count` inputs; whatever else than a refusal is raised comes out, and a hang ends the process."""
    tally = Tally(kind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"input.{kind}"
        for number in range(seed, seed + count):
            note(number)
            rng = random.Random(f"{kind} {number}")
            content = hostile(kind, model, rng)
            signal.alarm(HANG_SECONDS)
            start = time.perf_counter()
            try:
                attempt(kind, content, path, rng)
                tally.read += 1
            except GtzanetError as error:
                assert "\n" not in str(error) and str(error)
                tally.refused += 1
            finally:
                signal.alarm(0)
            tally.slowest = max(tally.slowest, time.perf_counter() - start)
            tally.tried += 1
    tally.peak_bytes = peak_memory() or 0
    return tally


def _main(kind: str, seed: str, count: str, model: str = "") -> None:
    last = os.open(os.environ.get("FUZZ_LAST", os.devnull), os.O_WRONLY | os.O_CREAT, 0o644)

    def note(number: int) -> None:
        os.pwrite(last, f"{number:>12}".encode(), 0)  # survives a crash

    print(json.dumps(asdict(fuzz(kind, int(seed), int(count), Path(model) if model else None, note))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
