"""Engines: what they refuse, how they quantise, and that they are loaded late."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.engines import load as load_engines
from runtime.engines.base import Tensor
from runtime.engines.litert import LiteEngine
from runtime.engines.load import Engine, open_engine
from runtime.engines.registry import ENGINES, installed
from runtime.engines.wheels import how_to_install
from tests.cards import MODEL, ONNX_MODEL, example_card
from toolkit.artifact.card import Card
from toolkit.artifact.file import FORMATS, append_card, model_digest, read_archive
from toolkit.errors import ArtifactError, EngineError, UsageError


@pytest.fixture(params=FORMATS)
def format(request: pytest.FixtureRequest) -> str:
    """Return each format in turn: what is true of one engine's loading is true of the other's."""
    name: str = request.param
    needs_engine(name)
    return name


def needs_engine(format: str) -> None:
    """Skip a test where no engine for a format is installed, as on a device that has one engine."""
    if not installed(format):
        pytest.skip(f"no engine for .{format} files is installed")


def open_named(folder: Path, precision: str, format: str = "tflite", **options: Any) -> Engine:
    return open_engine(folder / f"gtzanet-{precision}.{format}", **options)


def noise(n: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).integers(0, 256, (n, 288, 432, 3)).astype(np.float32)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_batch_gives_what_its_pictures_give_alone(artifacts: Path, precision: str, format: str) -> None:
    engine = open_named(artifacts, precision, format, threads=1)
    batch = noise(3)
    scores = engine.run(batch)
    assert scores.shape == (3, 4) and scores.dtype == np.float32
    for number in range(3):
        np.testing.assert_array_equal(engine.run(batch[number : number + 1])[0], scores[number])
    assert engine.run(batch[:0]).shape == (0, 4)


THREADS = """
import os, sys
import numpy as np
from runtime.engines.load import open_engine
open_engine(sys.argv[1], threads=1)  # what a library starts when it is imported does not count
for threads in (1, 3, 2):
    before = len(os.listdir("/proc/self/task"))
    engine = open_engine(sys.argv[1], threads=threads)
    engine.run(np.zeros((1, 288, 432, 3), np.float32))
    print(engine.threads, 1 + len(os.listdir("/proc/self/task")) - before)
    del engine
"""
"""Print for each engine how many threads it reports and how many compute: the caller's, and those that it started."""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_an_engine_computes_with_as_many_threads_as_it_is_given(artifacts: Path, format: str) -> None:
    path = str(artifacts / f"gtzanet-float32.{format}")
    done = subprocess.run([sys.executable, "-c", THREADS, path], capture_output=True, text=True)
    assert done.stdout.split("\n")[:3] == ["1 1", "3 3", "2 2"], done.stderr[-500:]


def test_more_threads_do_not_change_the_scores(artifacts: Path, format: str) -> None:
    one, two = (open_named(artifacts, "float32", format, threads=n).run(noise(1)) for n in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize(("processors", "expected"), [(1, 1), (3, 3), (64, load_engines.MAX_DEFAULT_THREADS)])
def test_threads_are_the_processors_by_default(
    artifacts: Path, format: str, processors: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_engines, "usable_processors", lambda: processors)
    assert open_named(artifacts, "float32", format).threads == expected


@pytest.mark.parametrize("threads", [0, -1, 257, 10**11])
def test_impossible_threads_are_misuse(artifacts: Path, threads: int, format: str) -> None:
    with pytest.raises(UsageError, match="threads is"):
        open_named(artifacts, "float32", format, threads=threads)


def test_unknown_engine_is_misuse(artifacts: Path, format: str) -> None:
    with pytest.raises(UsageError, match="unknown engine 'abacus': choose one of litert"):
        open_named(artifacts, "float32", format, engine="abacus")


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_a_missing_engine_gives_the_command_that_installs_it(
    artifacts: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, ENGINES[name].module, None)
    with pytest.raises(EngineError, match="is not installed") as caught:
        open_engine(artifacts / f"gtzanet-float32.{ENGINES[name].format}", engine=name)
    assert how_to_install(name) in str(caught.value)


@pytest.mark.parametrize(("engine", "format"), [("litert", "onnx"), ("onnxruntime", "tflite")])
def test_an_engine_for_another_format_is_misuse(artifacts: Path, engine: str, format: str) -> None:
    fitting = [name for name, kind in ENGINES.items() if kind.format == format]
    with pytest.raises(UsageError, match=f"{engine} runs no .{format} files: choose one of {', '.join(fitting)}"):
        open_engine(artifacts / f"gtzanet-float32.{format}", engine=engine)


@pytest.mark.parametrize(("format", "package"), [("tflite", "ai-edge-litert"), ("onnx", "onnxruntime")])
def test_no_engine_at_all_gives_the_command_that_installs_one(
    artifacts: Path, format: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert installed() == ()
    message = f"no inference engine for .{format} files is installed: run `pip install {package}`"
    with pytest.raises(EngineError, match=message):
        open_named(artifacts, "float32", format)


def test_the_older_engine_is_used_where_it_is_the_one(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tflite-runtime has the same interface as ai-edge-litert; here the one stands in for the other."""
    litert = pytest.importorskip(ENGINES["litert"].module, reason="ai-edge-litert is not installed")
    monkeypatch.setitem(sys.modules, ENGINES["tflite-runtime"].module, litert)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name == "tflite_runtime" else None)
    engine = open_named(artifacts, "int8", threads=1)
    assert engine.name == "tflite-runtime"
    assert engine.run(noise(1)).shape == (1, 4)
    for precision in ("dynamic", "mixed"):  # it loads the latter, and its scores are wrong
        with pytest.raises(
            EngineError, match=f"{precision}.tflite: tflite-runtime computes layers with dynamic ranges"
        ):
            open_named(artifacts, precision)


@pytest.mark.parametrize("shape", [(1, 288, 432), (1, 432, 288, 3), (1, 288, 432, 1), (288, 432, 3)])
def test_other_shapes_are_refused(artifacts: Path, shape: tuple[int, ...], format: str) -> None:
    with pytest.raises(EngineError, match=r"accepts values of shape \(n, 288, 432, 3\)"):
        open_named(artifacts, "float32", format).run(np.zeros(shape, np.float32))


def test_int8_input_is_rounded_and_clipped_with_the_files_own_scale(artifacts: Path) -> None:
    engine = open_named(artifacts, "int8", threads=1)
    assert isinstance(engine, LiteEngine)
    tensor = engine._input
    assert (tensor.scale, tensor.zero_point) == (engine.card.input.scale, engine.card.input.zero_point)
    other = Tensor((1, 6), np.dtype(np.int8), 0.5, 10)
    values = np.array([[-1000.0, -0.3, 0.2, 0.3, 58.4, 1000.0]], np.float32)
    assert other.stored(values).tolist() == [[-128, 9, 10, 11, 127, 127]]
    np.testing.assert_array_equal(other.real(np.array([[10, 12, -128]], np.int8)), [[0, 1, -69]])
    # Every pixel value survives the input's quantisation to within half a step.
    pixels = np.arange(256, dtype=np.float32)[None]
    np.testing.assert_allclose(tensor.real(tensor.stored(pixels)), pixels, atol=tensor.scale / 2 + 1e-4)


def rewritten(path: Path, target: Path, model: bytes | None = None, **changes: Any) -> Path:
    """Write the model in `path` to `target` with a changed card, or with other bytes and a digest that fits them."""
    archive = read_archive(path)
    model = path.read_bytes()[: archive.start] if model is None else model
    value = {**archive.card.to_dict(), "model_digest": model_digest(model), **changes}
    target.write_bytes(append_card(model, Card.from_dict(value)))
    return target


@pytest.mark.parametrize(("format", "dtype"), [("tflite", "int8"), ("onnx", "float32")])
def test_a_card_that_does_not_fit_the_model_is_refused(
    artifacts: Path, tmp_path: Path, format: str, dtype: str
) -> None:
    needs_engine(format)
    source, target = artifacts / f"gtzanet-int8.{format}", tmp_path / f"changed.{format}"
    card = read_archive(source).card.to_dict()
    rewritten(source, target, labels=["a", "b", "c"], output={**card["output"], "shape": [1, 3]}, golden=None)
    with pytest.raises(ArtifactError, match=rf"output is {dtype} \(1, 4\), but its card says {dtype} \(1, 3\)"):
        open_engine(target)
    unsigned = {"dtype": "uint8", "scale": card["input"]["scale"] or 1.0, "zero_point": 5}
    rewritten(source, target, input={**card["input"], **unsigned})
    with pytest.raises(ArtifactError, match=rf"the model's input is {dtype} .* but its card says uint8"):
        open_engine(target)


@pytest.mark.parametrize("role", ["input", "output"])
@pytest.mark.parametrize("change", [{"scale": 2.0}, {"zero_point": 5}])
def test_a_card_with_another_quantisation_is_refused(
    artifacts: Path, tmp_path: Path, role: str, change: dict[str, Any]
) -> None:
    source, target = artifacts / "gtzanet-int8.tflite", tmp_path / "changed.tflite"
    card = read_archive(source).card.to_dict()
    changes: Any = {role: {**card[role], **change}}
    rewritten(source, target, **changes)
    with pytest.raises(ArtifactError, match=f"another scale or zero point for the {role}"):
        open_engine(target)


def test_damage_never_reaches_an_engine(
    artifacts: Path, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(name: str) -> Any:
        raise AssertionError("the engine was loaded")

    monkeypatch.setattr(load_engines, "_load", explode)
    whole = artifacts / f"gtzanet-float32.{format}"
    source, start = whole.read_bytes(), read_archive(whole).start
    path = tmp_path / f"damaged.{format}"
    flipped = bytearray(source)
    flipped[start // 2] ^= 1
    for content in (source[:1000], source[:-5], flipped, b"text", MODEL, ONNX_MODEL):
        path.write_bytes(content)
        with pytest.raises(ArtifactError) as caught:
            open_engine(path)
        assert ("damaged: the model is not the one" in str(caught.value)) == (content is flipped)


@pytest.mark.parametrize(("format", "model"), [("tflite", MODEL), ("onnx", ONNX_MODEL)])
def test_bytes_that_no_engine_loads_give_one_sentence(tmp_path: Path, format: str, model: bytes) -> None:
    needs_engine(format)
    path = tmp_path / f"garbage.{format}"
    path.write_bytes(append_card(model, example_card(model=model)))
    with pytest.raises((ArtifactError, EngineError), match="cannot load this model|not a valid TFLite model") as caught:
        open_engine(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_ctrl_c_while_an_engine_is_imported_is_no_broken_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bindings in C++ turn what interrupts their import into an ImportError of their own."""

    def interrupted(name: str) -> None:
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr(importlib, "import_module", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_engines._load(name)
