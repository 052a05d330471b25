"""A pretrained network's embedding, from its file to arrays of a folder of sounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from runtime import Classifier
from runtime.cli import entry
from runtime.engines.load import open_engine
from runtime.golden import golden_distance, tolerance
from runtime.info import described
from runtime.preprocess import model_input
from toolkit.artifact.file import read_card
from toolkit.errors import UsageError

pytestmark = pytest.mark.slow

RATE = 32_000


def test_features_are_the_authors(backbones: Path, embeddings: Path) -> None:
    engine = open_engine(embeddings / "mn04-embedding-float32.tflite")
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)).astype(np.float32)
    with np.load(backbones / "mn04_reference.npz") as reference:
        expected = reference["tone_features"]
    np.testing.assert_allclose(engine.run(model_input(tone, engine.card)[np.newaxis])[0], expected, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_card_says_that_it_is_an_embedding(embeddings: Path, precision: str) -> None:
    path = embeddings / f"mn04-embedding-{precision}.tflite"
    card = read_card(path)
    assert (card.activation, len(card.labels), card.thresholds) == ("none", 384, ())
    assert card.golden and golden_distance(open_engine(path), card.golden) < tolerance(card) / 10
    assert card.parity and card.parity.min_cosine > 0.999
    assert "an embedding of 384 features" in described(path, card) and "feature 1" not in described(path, card)
    with pytest.raises(UsageError, match="its output is an embedding, no labels: `python -m runtime embed`"):
        Classifier.load(path)


def test_a_folder_becomes_arrays(embeddings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A long sound has several windows; what cannot be read is reported, and left out."""
    rng = np.random.default_rng(0)
    sounds, model = tmp_path / "sounds", embeddings / "mn04-embedding-float32.tflite"
    sounds.mkdir()
    for name, seconds in (("a.wav", 3), ("b.wav", 22)):
        soundfile.write(sounds / name, 0.1 * rng.standard_normal(seconds * 16_000), 16_000)
    (sounds / "c.wav").write_bytes(b"no sound")
    words = ["embed", str(sounds), "--model", str(model), "--out"]
    assert entry([*words, str(tmp_path / "f.npz")]) == 1
    assert f"error: {sounds / 'c.wav'}" in capsys.readouterr().err
    with np.load(tmp_path / "f.npz") as arrays:
        assert arrays["files"].tolist() == [str(sounds / "a.wav"), str(sounds / "b.wav")]
        assert (arrays["features"].shape, arrays["features"].dtype) == ((4, 384), np.float32)
        assert arrays["file"].tolist() == [0, 1, 1, 1]
        assert arrays["start"].tolist() == [0, 0, *np.array([6, 12])]
        assert (float(arrays["window"]), str(arrays["model"])) == (10, "mn04-embedding-float32")
        assert str(arrays["digest"]) == read_card(model).model_digest
    (sounds / "c.wav").unlink()
    twice = ["embed", str(sounds), str(sounds / "b.wav"), *words[2:], str(tmp_path / "g.npz")]
    assert entry(twice) == 0  # a file beside its folder counts once
    assert (tmp_path / "g.npz").read_bytes() == (tmp_path / "f.npz").read_bytes()


def test_a_pipe_gives_what_a_file_does(embeddings: Path, tmp_path: Path) -> None:
    """Ten seconds are one window; the hops before it are shorter."""
    samples = (3_000 * np.random.default_rng(1).standard_normal(10 * RATE)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    model = str(embeddings / "mn04-embedding-float32.tflite")
    assert entry(["embed", str(tmp_path / "a.wav"), "--model", model, "--out", str(tmp_path / "f.npz")]) == 0
    command = [sys.executable, "-m", "runtime", "embed", "--stream", "--hop", "5", "--rate", str(RATE)]
    done = subprocess.run([*command, "--model", model], input=samples.tobytes(), capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["at"], line["seconds"]) for line in lines] == [(5, 5), (10, 10)]
    with np.load(tmp_path / "f.npz") as arrays:
        np.testing.assert_allclose(lines[-1]["features"], arrays["features"][0], rtol=1e-5)
        assert np.abs(arrays["features"][0] - lines[0]["features"]).max() > 1e-3


def test_an_interrupt_leaves_nothing(embeddings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    words = ["embed", str(tmp_path / "a.wav"), "--model", str(embeddings / "mn04-embedding-float32.tflite")]
    assert entry([*words, "--out", str(tmp_path / "f.npz")]) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_json_of_the_card_is_whole(embeddings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["info", "--json", str(embeddings / "mn04-embedding-float16.tflite")]) == 0
    assert json.loads(capsys.readouterr().out)["output"]["layout"] == "batch, feature; values without bounds"
