"""`python -m export RUN --head`: a head and its backbone are one network, and no other two are."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.cli import entry
from export.pretrained import head
from export.write import Network
from runtime import Classifier
from runtime.doctor import examined
from tests.export.pretrained.conftest import Export, call
from toolkit.artifact.file import append_card, read_card, read_model
from toolkit.audio.decode import load
from toolkit.data.synthetic import write_corpus
from toolkit.errors import ArtifactError, UsageError

pytestmark = pytest.mark.slow

BACKBONE, HEAD = "mn04-embedding-float32.tflite", "mn04-head-float32.tflite"


@pytest.fixture(scope="module")
def run(backbones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of a head on mn04, trained on synthetic sounds of two seconds."""
    folder = tmp_path_factory.mktemp("run")
    write_corpus(folder / "corpus", 4, 2.0, 0, lambda *_: None)
    words = ["mn04", "--data", folder / "corpus", "--window", "2", "--cache", folder / "cache", "--threads", "1"]
    command = [sys.executable, "-m", "train", *map(str, words), "--runs", str(folder), "--name", "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def pair(export: Export, run: Path) -> Path:
    """Return the folder of the run's head and its backbone."""
    return export(run, "--head")


def test_both_are_the_runs_network(pair: Path, run: Path) -> None:
    import tf_keras

    from runtime.preprocess import model_input

    card, classifier = read_card(pair / HEAD), Classifier.load(pair / HEAD)
    assert (pair / HEAD).stat().st_size < 40_000 < (pair / BACKBONE).stat().st_size
    assert (card.input_level, card.input.shape) == ("embedding", (1, 384))
    assert card.backbone == read_card(pair / BACKBONE).model_digest
    assert card.accuracy and card.accuracy.part == "validation" and card.parity and card.parity.max_abs < 5e-5
    clip = sorted((run.parent / "corpus").glob("*/*.flac"))[0]
    value = model_input(load(clip, 32_000), classifier.card)
    expected = tf_keras.models.load_model(run / "model.keras", compile=False)(value[np.newaxis]).numpy()[0]
    np.testing.assert_allclose(classifier.scores(value), expected, atol=5e-5)
    assert classifier.classify(clip).label == classifier.labels[expected.argmax()]


def test_a_device_can_check_both(pair: Path) -> None:
    texts = [finding.text for finding in examined(pair / HEAD)]
    assert any("litert returns its golden outputs" in text for text in texts), texts


def test_a_pipe_is_classified(pair: Path, run: Path) -> None:
    clip = sorted((run.parent / "corpus").glob("*/*.flac"))[0]
    samples = (32_767 * np.tile(load(clip, 32_000), 3)).astype("<i2")
    command = [sys.executable, "-m", "runtime", "--stream", "--rate", "32000", "--hop", "1", "--json"]
    command += ["--model", str(pair / HEAD), "--silence", "-200"]
    done = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(samples) // 32_000, done.stderr
    assert b"mn04-head-float32 listens to <stdin>" in done.stderr


def test_a_head_goes_with_its_backbone_alone(pair: Path, tmp_path: Path) -> None:
    alone = shutil.copy(pair / HEAD, tmp_path / HEAD)
    with pytest.raises(
        ArtifactError, match="a head, whose backbone .* is not beside it: copy that file there, or name"
    ):
        Classifier.load(alone)
    assert Classifier.load(alone, backbone=pair / BACKBONE).labels == Classifier.load(pair / HEAD).labels
    backbone = read_model(pair / BACKBONE)
    content = backbone.content[: backbone.start] + b"\0"
    card = replace(backbone.card, model_digest=hashlib.sha256(content).hexdigest())
    (tmp_path / "other.tflite").write_bytes(append_card(content, card))
    with pytest.raises(ArtifactError, match=r"a head for another backbone than .*other\.tflite .* name the one it was"):
        Classifier.load(alone, backbone=tmp_path / "other.tflite")
    with pytest.raises(UsageError, match="a whole model, which has no other backbone"):
        Classifier.load(backbone=pair / BACKBONE)


def test_a_head_that_is_wrong_is_refused(
    pair: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both files are sound by themselves: that the network is another shows behind the backbone alone."""

    def twisted(network: Network) -> Any:
        model = right(network)
        model.set_weights([np.roll(weights, 1, axis=-1) for weights in model.get_weights()])
        return model

    right = head._head
    monkeypatch.setattr(head, "_head", twisted)
    assert entry([str(run), "--head", str(pair / BACKBONE), "--no-speed", "--output", str(tmp_path / "new")]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "refused: the float32 model is " in last and "that trained its backbone, too, has no head alone" in last
    assert not (tmp_path / "new").exists()


def test_a_new_head_for_a_backbone_that_is_there(pair: Path, run: Path, tmp_path: Path) -> None:
    """The head alone is written, and the same as when both were."""
    done = call(run, "--head", pair / BACKBONE, "--no-speed", "--output", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == [HEAD]
    assert (tmp_path / "new" / HEAD).read_bytes() == (pair / HEAD).read_bytes()


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        (["--head", "--quantize", "int8"], 2, "--head --quantize int8: write the backbone first, with --embedding"),
        (["--head", "{pair}", "--quantize", "float16"], 2, "--quantize does not go with --head BACKBONE"),
        (["--head", "--input", "waveform"], 2, "--input waveform does not go with --head"),
        (["--head", "{built_in}"], 2, "its output is labels, no embedding"),
    ],
)
def test_misuse_is_one_sentence(
    flags: list[str], code: int, sentence: str, pair: Path, run: Path, tmp_path: Path
) -> None:
    from runtime.default_model import PRETRAINED

    words = [word.format(pair=pair / BACKBONE, built_in=PRETRAINED) for word in flags]
    done = call(run, *words, "--output", tmp_path / "files")
    assert done.returncode == code and sentence in done.stderr.splitlines()[-1], done.stderr
    assert not list(tmp_path.glob("files/*.tflite"))


def test_a_run_from_scratch_has_no_head(run_folder: Path, tmp_path: Path) -> None:
    done = call(run_folder, "--head", "--output", tmp_path / "files")
    assert done.returncode == 1 and "has no pretrained backbone" in done.stderr.splitlines()[-1]


def test_a_backbone_of_another_window_is_refused(embeddings: Path, run: Path, tmp_path: Path) -> None:
    done = call(run, "--head", embeddings / BACKBONE, "--output", tmp_path / "files")
    assert done.returncode == 1 and "hears 10 s at once, the run 2 s" in done.stderr.splitlines()[-1]
