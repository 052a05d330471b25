"""One's own labels from groups of AudioSet's classes: which files are read, and what is scored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export.cli import entry
from export.pretrained import pipeline
from export.pretrained.groups import grouped, places, read_groups
from runtime import Classifier
from tests.export.pretrained.conftest import Export
from toolkit.errors import UsageError

CLASSES = ("Speech", "Music", "Hip hop music", "Pop music", "Dog", "Bark", "Church bell")
GROUPS = {"animals": ["Dog", "Bark"], "tunes": ["music"], "bells": ["Church bell"]}


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps(GROUPS))
    (tmp_path / "g.csv").write_text('animals,Dog,"Bark"\n\ntunes, music,,\nbells,Church bell\n')
    assert read_groups(tmp_path / "g.csv") == read_groups(tmp_path / "g.json") == GROUPS
    assert places(tmp_path / "g.csv", GROUPS, CLASSES) == [[4, 5], [1], [6]]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("g.csv", "a,Dog\n", "1 labels, not 2"),
        ("g.csv", "a,Dog\na,Bark\n", "a has two lines: put its classes on one"),
        ("g.csv", "a,Dog\nb\n", "b has no classes"),
        ("g.csv", 'a,"Dog\nb,Bark', "unexpected end of data"),
        ("g.csv", '"a\nb",Dog\nc,Bark\n', "label 'a\\nb' is blank, unprintable"),
        ("g.csv", "a;Dog\nb;Bark\n", "a;Dog has no classes: name one or more behind it, with commas between"),
        ("g.csv", b"\xff\xfea\0,\0", "no UTF-8 text: save it as UTF-8"),
        ("g.json", '{"a": ["Dog"], "b": "Bark"}', "it is no JSON object such as"),
        ("g.json", "[]", "it is no JSON object such as"),
        ("g.json", "{", "Expecting"),
        ("g.json", '{"a": ["Dog"], "a": ["Bark"]}', "twice"),
        ("none.csv", None, "cannot be read (No such file or directory)"),
    ],
)
def test_files_that_hold_no_groups(name: str, text: str | bytes | None, sentence: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        read_groups(tmp_path / name)
    assert sentence in str(caught.value) and str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        ("Hiphop music", "no class 'Hiphop music': did you mean Hip hop music or Pop music"),
        ("bell", "no class 'bell': did you mean Church bell?"),
        ("xyzzy", "no class 'xyzzy': there are 7 others"),
    ],
)
def test_a_class_that_is_none_has_near_matches(member: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=r"g\.csv: mine: the network has ") as caught:
        places(Path("g.csv"), {"other": ["Dog"], "mine": [member]}, CLASSES)
    assert sentence in str(caught.value)


def test_misuse_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "g.csv").write_text("a,Dog\nb,Bark\n")
    assert entry(["--labels-from", str(tmp_path / "g.csv")]) == 2
    assert "needs the name of a pretrained network" in capsys.readouterr().err
    assert entry(["mn04", "--labels-from", str(tmp_path / "g.csv"), "--split", "held-out"]) == 2
    assert "--split needs --data" in capsys.readouterr().err


def test_what_is_not_there_is_refused_before_a_network_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "g.csv").write_text("a,Dog\nb,Bark\n")
    groups = ["mn04", "--labels-from", str(tmp_path / "g.csv"), "--output", str(tmp_path / "out")]
    for words, sentence in (
        ([*groups, "--data", str(tmp_path / "none")], f"--data {tmp_path / 'none'}: no such folder or list"),
        ([*groups, "--calibration-sounds", str(tmp_path / "none")], "none: no such folder"),
        ([*groups, "--calibration-sounds", str(tmp_path)], "holds 0 audio files"),
        (["--head", str(tmp_path)], f"--head {tmp_path}: a folder, no model file: name the run before --head"),
    ):
        assert entry(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert sentence in line
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_group_scores_as_its_largest_class(activation: str) -> None:
    from tf_keras import Sequential, layers

    model = Sequential([layers.Input((3,)), layers.Dense(5), layers.Dense(len(CLASSES), activation="sigmoid")])
    values = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    scores = model(values).numpy().astype(np.float64)
    largest = np.stack([scores[:, [4, 5]].max(1), scores[:, 1], scores[:, 6]], 1)
    odds = largest / (1 - largest)
    expected = largest if activation == "sigmoid" else odds / odds.sum(1, keepdims=True)
    np.testing.assert_allclose(grouped(model, [[4, 5], [1], [6]], activation)(values), expected, atol=1e-6)


@pytest.mark.slow
def test_a_file_with_ones_own_labels(export: Export, tagger: Path, tmp_path: Path) -> None:
    groups = {"tone": ["Sine wave", "Beep, bleep"], "noise": ["White noise", "Static", "Pink noise"]}
    (tmp_path / "My Sounds.json").write_text(json.dumps(groups))
    output = export("mn04", "--labels-from", tmp_path / "My Sounds.json", "--quantize", "float16")
    assert sorted(path.name for path in output.iterdir()) == [
        f"mn04-my-sounds-{precision}.tflite" for precision in ("float16", "float32")
    ]
    noise = 0.1 * np.random.default_rng(0).standard_normal(320_000).astype(np.float32)
    scores = Classifier.load(tagger).classify(noise, 32_000).by_label()
    largest = np.array([max(scores[name] for name in names) for names in groups.values()])
    odds = largest / (1 - largest)
    prediction = Classifier.load(output / "mn04-my-sounds-float32.tflite").classify(noise, 32_000)
    assert prediction.label == "noise"
    np.testing.assert_allclose(prediction.confidence, (odds / odds.sum())[1], atol=1e-4)


def test_a_class_that_is_none_is_refused_before_a_network_is_built(
    backbones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline, "save", lambda *_: pytest.fail("the network is built"))
    (tmp_path / "g.csv").write_text("a,Dogs\nb,Bark\n")
    assert entry(["mn04", "--labels-from", str(tmp_path / "g.csv"), "--output", str(tmp_path / "out")]) == 2
    assert "the network has no class 'Dogs': did you mean Dog" in capsys.readouterr().err


def test_a_name_without_a_flag_names_the_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry(["mn04"]) == 1
    assert "a pretrained network needs --tagger, --labels-from FILE or --embedding" in capsys.readouterr().err
