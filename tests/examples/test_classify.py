"""The example in C says what `runtime` says of any sound, and refuses what is broken in one sentence."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from runtime import Classifier
from tests.examples.c_program import needs, parsed, run
from tests.export.foreign.zoo import LABELS, SAMPLES, sounds
from toolkit.artifact.card import Card
from toolkit.artifact.file import append_card, read_model

pytestmark = needs("gcc")
TOLERANCE = 1e-5
"""Of probabilities, which are printed with six digits; both run the same file in LiteRT."""

CHANGES: dict[str, dict[str, Any]] = {
    "as exported": {},
    "a hop": {"front_end": {"hop_seconds": 0.3}},
    "short ones are repeated": {"front_end": {"short": "tile"}},
    "a temperature": {"temperature": 2.5},
    "a least probability": {"min_confidence": 0.99},
    "several labels": {"activation": "sigmoid", "thresholds": (0.1, 0.2, 0.3, 0.9), "accuracy": None},
}


def changed(model: Path, change: dict[str, Any], target: Path) -> Path:
    """Write a copy of a model file whose card differs."""
    content = read_model(model)
    fields = {**change, "front_end": replace(content.card.front_end, **change.get("front_end", {}))}
    target.write_bytes(append_card(content.content[: content.start], replace(content.card, **fields)))
    return target


def written(path: Path, sound: NDArray[np.float32], subtype: str = "PCM_16") -> Path:
    soundfile.write(path, sound, SAMPLES, subtype)
    return path


def check_same(program: Path, model: Path, sound: Path) -> None:
    """Assert that the program and `runtime` say the same of a sound."""
    prediction = Classifier.load(model).classify(sound)
    label, probabilities = parsed(run(program, model, sound))
    card: Card = Classifier.load(model).card
    active = prediction.active_from(None if card.multi_label else card.min_confidence)
    expected = ", ".join(active if card.multi_label else active[:1]) or "unknown"
    assert label == ("silence" if prediction.silent else expected)
    ours = prediction.by_label()
    np.testing.assert_allclose([probabilities[name] for name in ours], [*ours.values()], rtol=0, atol=TOLERANCE)
    assert list(probabilities.values()) == sorted(probabilities.values(), reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_windows_and_probabilities_are_those_of_the_runtime(
    change: str, classify: Path, models: Path, tmp_path: Path
) -> None:
    model = changed(models / "depthwise_separable-waveform-float32.tflite", CHANGES[change], tmp_path / "m.tflite")
    long = np.concatenate([sound for label in LABELS for sound in sounds(label)])
    for place, count in enumerate((SAMPLES, 1, 5_000, SAMPLES + 1, 3 * SAMPLES + 777, len(long))):
        check_same(classify, model, written(tmp_path / f"{place}.wav", long[:count]))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_files_of_export_classify_alike(precision: str, classify: Path, models: Path, tmp_path: Path) -> None:
    labels = set()
    for label in LABELS:
        sound = written(tmp_path / f"{label}.wav", sounds(label)[0])
        check_same(classify, models / f"depthwise_separable-waveform-{precision}.tflite", sound)
        labels.add(parsed(run(classify, models / f"depthwise_separable-waveform-{precision}.tflite", sound))[0])
    assert len(labels) >= 3  # the sounds do not all sound alike to the network


@pytest.mark.slow
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_formats_and_channels(subtype: str, channels: int, classify: Path, models: Path, tmp_path: Path) -> None:
    sound = np.stack([sounds(LABELS[place % 4])[place % 3] for place in range(channels)], axis=1)
    path = written(tmp_path / "s.wav", sound, subtype)
    check_same(classify, models / "depthwise_separable-waveform-float32.tflite", path)


@pytest.mark.slow
def test_antiphase_and_silence(classify: Path, models: Path, tmp_path: Path) -> None:
    model, sound = models / "depthwise_separable-waveform-float32.tflite", sounds("horn")[1]
    quiet = np.zeros(3 * SAMPLES, np.float32) + 0.01
    quiet[: SAMPLES // 2] += sound[: SAMPLES // 2]
    cases = {"antiphase": np.stack([sound, -sound], axis=1), "silence": sound * 1e-5, "partly": quiet}
    for name, case in cases.items():
        check_same(classify, model, written(tmp_path / f"{name}.wav", case, "FLOAT"))
    assert parsed(run(classify, model, tmp_path / "silence.wav"))[0] == "silence"
    assert parsed(run(classify, model, tmp_path / "antiphase.wav"))[0] != "silence"


def chunked(*chunks: tuple[bytes, int, bytes]) -> bytes:
    """Return a WAV file with chunks of a name, a declared size and content."""
    body = b"".join(name + struct.pack("<I", size) + content for name, size, content in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def format_chunk(tag: int = 1, channels: int = 1, rate: int = SAMPLES, bits: int = 16) -> tuple[bytes, int, bytes]:
    block = channels * bits // 8
    return b"fmt ", 16, struct.pack("<HHIIHH", tag, channels, rate, 0, block, bits)


EXTENSIBLE = bytes.fromhex("000000001000800000aa00389b71")
"""The rest of the identifier that begins with a format's number."""
DATA = (b"data", 2_000, b"\0\1" * 1_000)
BROKEN = {
    b"": "no WAV file",
    b"RIFF": "no WAV file",
    bytes(range(256)) * 9: "no WAV file",
    chunked(): "there are no samples",
    chunked(format_chunk()): "there are no samples",
    chunked(format_chunk(), (b"data", 0, b"")): "there are no samples",
    chunked(DATA): "before its format",
    chunked((b"fmt ", 4, b"\1\0\1\0"), DATA): "too short",
    chunked(format_chunk(), DATA)[:-1]: "cut short: a chunk of 2000 bytes has 1999",
    chunked(format_chunk(), (b"data", 0xFFFFFFFE, b"\0\1")): "cut short",
    chunked(format_chunk(), (b"LIST", 0xFFFFFFFF, b"\0\1")): "cut short",
    chunked(format_chunk(tag=6, bits=8), DATA): "8 bits of format 6",
    chunked(format_chunk(tag=3, bits=64), DATA): "64 bits of format 3",
    chunked(format_chunk(channels=0), DATA): "0 channels",
    chunked(format_chunk(channels=65), DATA): "65 channels",
    chunked(format_chunk(rate=44_100), DATA): "its rate is 44100 Hz, the model's 16000: convert it with",
    chunked(format_chunk(rate=0xFFFFFFFF), DATA): "its rate is 4294967295 Hz",
    chunked(format_chunk(tag=3, bits=32), (b"data", 4, struct.pack("<f", np.nan))): "not about -1 to 1",
    chunked(format_chunk(tag=3, bits=32), (b"data", 4, struct.pack("<f", 1e30))): "not about -1 to 1",
}


@pytest.mark.slow
def test_broken_sounds_are_refused_in_a_sentence(classify: Path, models: Path, tmp_path: Path) -> None:
    model, sound = models / "depthwise_separable-waveform-float32.tflite", tmp_path / "s.wav"
    for content, message in BROKEN.items():
        sound.write_bytes(content)
        assert_refused(run(classify, model, sound, code=1), sound, message)
    assert_refused(run(classify, model, tmp_path, code=1), tmp_path, "no regular file")
    assert_refused(run(classify, model, tmp_path / "none", code=1), tmp_path / "none", "cannot be opened")


@pytest.mark.slow
def test_sounds_that_are_unusual_are_classified(classify: Path, models: Path, tmp_path: Path) -> None:
    """A length that a pipe's writer does not know, an extensible format, chunks of odd length."""
    model, sound = models / "depthwise_separable-waveform-float32.tflite", tmp_path / "s.wav"
    name, _, content = format_chunk()
    extensible = struct.pack("<H", 0xFFFE) + content[2:] + struct.pack("<HHIH", 22, 16, 4, 1) + EXTENSIBLE
    for chunks in (
        [format_chunk(), (b"data", 0xFFFFFFFF, DATA[2])],
        [(name, 40, extensible), DATA],
        [(b"LIST", 3, b"abc\0"), format_chunk(), DATA, (b"LIST", 9, b"")],
    ):
        sound.write_bytes(chunked(*chunks))
        check_same(classify, model, sound)


def cut_at(place: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:place]


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(old, new)


def flipped(content: bytes) -> bytes:
    return content[:5_000] + bytes([content[5_000] ^ 1]) + content[5_001:]


def oversized(content: bytes) -> bytes:
    """Declare that the last entry of the archive, the card, is longer than the file."""
    entry = content.rindex(b"PK\1\2")
    return content[: entry + 20] + struct.pack("<II", 900_000, 900_000) + content[entry + 28 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "its archive is malformed: export": oversized,
    "no TFLite model": cut_at(0),
    "no TFLite model: name a .tflite file": cut_at(7),
    "carries no card": cut_at(-1),
    "carries no card: it was cut short": cut_at(9_000),
    "carries no card: it was cut short, or not made": lambda content: content + b"\0",
    "damaged: its labels or its card were changed": replaced(b'"licence"', b'"license"'),
    "damaged: the model is not the one its card describes": flipped,
    "its archive is malformed": replaced(b"PK\3\4", b"PK\3\5"),
    "its archive is compressed": replaced(b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x08\0"),
}


@pytest.mark.slow
def test_broken_models_are_refused_in_a_sentence(classify: Path, models: Path, tmp_path: Path) -> None:
    sound, broken = written(tmp_path / "s.wav", sounds("rain")[0]), tmp_path / "m.tflite"
    whole = (models / "depthwise_separable-waveform-float32.tflite").read_bytes()
    for message, damage in DAMAGE.items():
        assert damage(whole) != whole
        broken.write_bytes(damage(whole))
        assert_refused(run(classify, broken, sound, code=1), broken, message)
    onnx = models / "depthwise_separable-waveform-float32.onnx"
    assert_refused(run(classify, onnx, sound, code=1), onnx, "no TFLite model")
    assert_refused(run(classify, sound, sound, code=1), sound, "no TFLite model")


TEXTS = {
    "": "its card is not JSON",
    "[]": "its card is not JSON",
    '{"format_version": 2': "its card is not JSON",
    '{"format_version": 2} {}': "its card is not JSON",
    '{"format_version": 2, "a": ' + "[" * 500_000: "its card is not JSON",
    '{"format_version": 2, "a": ' + "[" * 60_000 + "]" * 60_000 + "}": "its card is not JSON",
    '{"format_version": "\\"}': "its card is not JSON",
    "{}": "its card's format_version is no number",
    '{"format_version": 3}': "its card's format version is newer than 2",
    '{"format_version": 2}': "it accepts no samples",
    '{"format_version": 2, "input_level": "waveform", "activation": "none"}': "its output is an embedding",
    '{"format_version": 2, "input_level": "waveform", "front_end": 7}': "its card's sample_rate is no number",
}


@pytest.mark.slow
def test_malformed_cards_are_refused_in_a_sentence(classify: Path, models: Path, tmp_path: Path) -> None:
    sound, broken = written(tmp_path / "s.wav", sounds("rain")[0]), tmp_path / "m.tflite"
    model = read_model(models / "depthwise_separable-waveform-float32.tflite")
    for text, message in TEXTS.items():
        broken.write_bytes(model.content[: model.start])
        with zipfile.ZipFile(broken, "a") as archive:
            archive.writestr("labels.txt", "a\nb\n")
            archive.writestr("card.json", text)
        assert_refused(run(classify, broken, sound, code=1), broken, message)


@pytest.mark.slow
def test_cards_that_contradict_the_model_are_refused(classify: Path, models: Path, tmp_path: Path) -> None:
    sound, model = (
        written(tmp_path / "s.wav", sounds("rain")[0]),
        models / "depthwise_separable-waveform-float32.tflite",
    )
    card = read_model(model).card
    shorter = card.input._replace(shape=(1, SAMPLES // 2))
    more = {"labels": (*LABELS, "wind"), "output": card.output._replace(shape=(1, 5)), "golden": None}
    for change in ({"input": shorter, "front_end": {"window_seconds": 0.5}, "golden": None}, more):
        other = changed(model, change, tmp_path / "m.tflite")
        assert_refused(
            run(classify, other, sound, code=1), other, "the model's input or output is not as its card says"
        )


def test_arguments_are_two(classify: Path) -> None:
    for words in ([], ["a"], ["a", "b", "c"]):
        assert run(classify, *words, code=2) == "usage: classify MODEL.tflite SOUND.wav\n"


def assert_refused(printed: str, path: Path, message: str) -> None:
    assert printed.startswith(f"classify: error: {path}: ") and printed.count("\n") == 1
    assert message in printed
