"""`python -m train mn04`: a head on frozen features, from a folder of sounds to an exported file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.several_labels import CLASSES, write_listing
from tests.train.test_config import make_config
from toolkit.data.synthetic import write_corpus
from toolkit.files import write_json
from train.backbones.weights import MN04
from train.cli import entry

LAYERS = ["stem", "block7_depthwise_bn", "block15_project"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds") / "corpus"
    write_corpus(folder, 4, 2.0, 0, lambda *_: None)
    return folder


def _words(corpus: Path, folder: Path, *arguments: str) -> list[str]:
    fixed = ["--cache", str(folder / "cache"), "--runs", str(folder), "--threads", "1"]
    return ["mn04", "--data", str(corpus), *fixed, *arguments]


def _command(*words: str) -> str:
    """Return what `python -m train` prints in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "train", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _train(corpus: Path, folder: Path, *arguments: str) -> int:
    return entry(_words(corpus, folder, *arguments))


@pytest.mark.slow
def test_from_a_folder_to_a_network_that_repeats(corpus: Path, tmp_path: Path, backbones: Path) -> None:
    import tf_keras

    from train.backbones import mn04
    from train.backbones.torch_file import read_tensors

    for name in ("a", "b"):
        printed = _command(*_words(corpus, tmp_path, "--name", name))
        assert "test: accuracy" in printed
        assert "kept: epoch" not in printed
    first, second = ((tmp_path / name / "model.keras").read_bytes() for name in ("a", "b"))
    assert first == second
    for name in ("metrics.json", "model.keras"):
        (tmp_path / "b" / name).unlink()
    assert _command("--resume", str(tmp_path / "b"), "--cache", str(tmp_path / "cache"))
    assert (tmp_path / "b" / "model.keras").read_bytes() == first
    table = _command("report", str(tmp_path / "a"), str(tmp_path / "b"))
    assert "mn04" in table
    metrics = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.7  # ten classes
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config["backbone"]["digest"] == MN04.digest
    assert config["backbone"]["licence"] == "MIT"
    report = (tmp_path / "a" / "report.md").read_text()
    assert "Logistic regression with C = " in report
    assert "frozen backbone (EfficientAT mn04_as" in report
    head = json.loads((tmp_path / "a" / "head.json").read_text())
    assert head["features"] == 384
    model = tf_keras.models.load_model(tmp_path / "a" / "model.keras", compile=False)
    published = mn04.build(model.input_shape[1:], 10)
    mn04.load(published, read_tensors(backbones / MN04.file))
    for name in LAYERS:
        for ours, theirs in zip(
            model.get_layer(name).get_weights(), published.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--shots", "0"], "--shots 0: write numbers of clips per class"),
        (["--hold-out-classes", "--multi-label"], "--hold-out-classes does not go with --multi-label"),
        (["--unfreeze", "0"], "--unfreeze 0: write a number of blocks, 1 or more, or all"),
        (["--draws", "5"], "--draws counts the draws of --shots"),
        (["--shots", "1", "--multi-label"], "--shots does not go with --multi-label"),
        (["--epochs", "3"], "--epochs: mn04 is frozen"),
        (["--recipe", "modern"], "--recipe: mn04 has its own for --unfreeze"),
        (["--precision", "mixed_float16"], "--precision: mn04 computes in float32"),
        (["--front-end", "log-mel"], "mn04 was pretrained with the front end efficientat: leave --front-end out"),
    ],
)
def test_what_a_frozen_network_leaves_without_effect_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert _train(corpus, tmp_path, *arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_weights_belong_to_a_backbone(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["edgenet", "--data", str(corpus), "--runs", str(tmp_path), "--weights", "w.pt"]) == 2
    assert "--weights: edgenet has no pretrained backbone" in capsys.readouterr().err


def test_a_resumed_run_accepts_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("train.cli.prepare", lambda _, compute: compute)
    wrong = tmp_path / "w.pt"
    wrong.write_bytes(b"PK\x03\x04 another network's")
    for config, code, sentence in (
        (make_config(model="mn04", backbone=MN04), 1, f"{wrong}: not {MN04.file}"),
        (make_config(), 2, "--weights: gtzanet has no pretrained backbone"),
    ):
        write_json(tmp_path / "config.json", config.to_dict())
        assert entry(["--resume", str(tmp_path), "--weights", str(wrong)]) == code
        assert sentence in capsys.readouterr().err


def test_a_wrong_copy_and_no_connection_are_one_sentence(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GTZANET_BACKBONES", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    wrong = tmp_path / "w.pt"
    wrong.write_bytes(b"PK\x03\x04 another network's")
    assert _train(corpus, tmp_path / "runs", "--weights", str(wrong)) == 1
    assert f"{wrong}: not {MN04.file}" in capsys.readouterr().err

    def offline(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    assert _train(corpus, tmp_path / "runs") == 1
    error = capsys.readouterr().err
    assert f"{MN04.file} cannot be fetched (Network is unreachable)" in error
    assert MN04.address in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_several_labels_a_clip(tmp_path: Path, backbones: Path) -> None:
    listing = write_listing(tmp_path / "mixtures", 30)
    words = [*_words(listing, tmp_path, "--multi-label", "--name", "several")]
    assert "test: mAP" in _command(*words)
    metrics = json.loads((tmp_path / "several" / "metrics.json").read_text())
    assert metrics["test"]["mAP"] > 0.7
    assert set(metrics["thresholds"]) == set(CLASSES)
    assert metrics["final"]["val_mAP"] == pytest.approx(metrics["validation"]["mAP"])
    assert "| several | mn04 |" in _command("report", str(tmp_path / "several"))


@pytest.mark.slow
def test_every_fold_in_one_command(corpus: Path, tmp_path: Path, backbones: Path) -> None:
    assert "fold" in _command(
        *_words(corpus, tmp_path, "--fold", "all", "--folds", "3", "--shots", "1", "--name", "folds")
    )
    metrics = json.loads((tmp_path / "folds" / "metrics.json").read_text())
    assert len(metrics["folds"]) == 3
    curve = json.loads((tmp_path / "folds" / "shots.json").read_text())
    assert curve["parts"]["test"]["n"] == 40 and curve["shots"][0]["test"]["mean"] > 0.5
    assert (tmp_path / "folds" / "shots.png").exists()
    assert "## A few clips per class" in (tmp_path / "folds" / "report.md").read_text()
    assert "mn04" in _command("report", str(tmp_path / "folds"))
