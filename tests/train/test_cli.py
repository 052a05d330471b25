"""The command: what it prints, and the one sentence it answers misuse with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.toolkit.trees import picture_tree
from tests.train.test_config import make_config
from toolkit.errors import UsageError
from toolkit.files import write_json
from train import run, start
from train.cli import entry
from train.config import Recipe


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet"], "unknown network 'resnet'"),
        ([], "no network: name one of edgenet, gtzanet, mn04, yamnet, zfnet, or use --resume"),
        (["--summary"], "--summary needs a network"),
        (["gtzanet", "zfnet"], "unrecognized arguments: zfnet"),
        (["gtzanet", "--epochs", "0"], "--epochs must be at least 1"),
        (["gtzanet", "--seed", "-1"], "--seed must be"),
        (["gtzanet", "--threads", "-2"], "--threads must be"),
        (["gtzanet", "--threads", "0"], "--threads must be at least 1"),
        (["gtzanet", "--threads", "1025"], "--threads must be at least 1 and at most 1024"),
        (["gtzanet", "--shards", "0"], "--shards must be at least 1"),
        (["gtzanet", "--shards", "9999"], "--shards must be at least 1 and at most 1024"),
        (["speed", "gtzanet", "--threads", "0"], "--threads must be at least 1"),
        (["gtzanet", "--learning-rate", "inf"], "--learning-rate must be finite, at least 1e-12"),
        (["gtzanet", "--min-learning-rate", "inf"], "--min-learning-rate must be finite"),
        (["gtzanet", "--plateau-delta", "inf"], "--plateau-delta must be finite"),
        (["zfnet", "--dropout", "0.5"], "zfnet has no dropout layer"),
        (["edgenet", "--shards", "2"], "--shards: edgenet is built by a function"),
        (["no.such.module:NETWORK"], "network no.such.module:NETWORK: No module named 'no'"),
        (["gtzanet", "--front-end", "ear"], "there is no front end 'ear': choose one of gtzan-picture"),
        (["edgenet", "--window", "0.01"], "window_seconds is 0.01; it must be from 0.1 to 600"),
        (["edgenet", "--window", "2", "--hop", "3"], "hop_seconds is 3.0; it must be at most a window"),
        (["gtzanet", "--front-end", "log-mel"], "gtzanet does not fit the front end's 64 x 313 x 1"),
        (
            ["edgenet", "--kind", "pictures"],
            "--kind pictures: pictures show gtzan-picture, mel-grid or mel-columns alone",
        ),
        (["gtzanet", "--augment", "light"], "--augment: a picture has colours and a frame"),
        (["gtzanet", "--weight-decay", "0.1"], "--weight-decay belongs to --optimizer adamw, and this is sgd"),
        (["gtzanet", "--recipe", "modern", "--mixup", "0.01"], "--mixup must be 0, or from 0.1 to 100"),
        (["edgenet", "--momentum", "0.5"], "--momentum belongs to --optimizer sgd, and this is adamw"),
        (["preview", "edgenet", "-o", "no/batch.png"], "there is no folder no"),
        (["preview", "edgenet", "-o", "batch.txt"], "use a name ending in .png"),
        (["preview", "resnet", "-o", "batch.png"], "unknown network 'resnet'"),
        (["speed", "edgenet"], "speed: edgenet hears no pictures"),
        (["--resume", "x", "--window", "3"], "--window cannot be changed when a run is resumed"),
        (["gtzanet", "--data", ""], "--data is empty"),
        (["gtzanet", "--cache", ""], "--cache is empty"),
        (["gtzanet", "--runs", " "], "--runs is empty"),
        (["gtzanet", "--name", ""], "--name '' is no folder name"),
        (["gtzanet", "--name", "../up"], "--name '../up' is no folder name"),
        (["gtzanet", "--name", ".."], "is no folder name"),
        (["gtzanet", "--name", "two\nlines"], "is no folder name"),
        (["gtzanet", "--split", "stratified", "--folds", "1"], "--folds must be at least 2"),
        (["gtzanet", "--split", "stratified", "--folds", "5", "--fold", "5"], "--fold must be 0 or more and at most 4"),
        (["gtzanet", "--split", "stratified", "--fold", "-1"], "--fold must be 0 or more"),
        (["gtzanet", "--split", "stratified", "--split-seed", "-1"], "--split-seed must be from 0"),
        (["gtzanet", "--split", "paper", "--fold", "1"], "--fold does not go with --split paper"),
        (["gtzanet", "--split", "fault-filtered", "--group-by", "x"], "--group-by does not go with --split fault-"),
        (["gtzanet", "--group-by", ""], "--group-by is empty"),
        (["gtzanet", "-o", "x.md"], "unrecognized arguments: -o x.md"),
        (["--resume", ""], "--resume is followed by an empty name"),
        (["--resume", "x", "--epochs", "90"], "--epochs cannot be changed when a run is resumed"),
        (["--resume", "x", "--seed", "0"], "--seed cannot be changed"),
        (["--resume", "x", "--split", "paper"], "--split cannot be changed"),
        (["--resume", "x", "--min-learning-rate", "0"], "--min-learning-rate cannot be changed"),
        (["--resume", "x", "--group-by", "a"], "--group-by cannot be changed"),
        (["--resume", "x", "--threads", "2"], "--threads cannot be changed"),
        (["--resume", "x", "--name", "y"], "--name cannot be changed"),
        (["report", "x", "-o", "results.json"], "use a name ending in .md"),
        (["report", "x", "-o", "/"], "a folder: name a file"),
        (["speed", "gtzanet", "-o", "/"], "a folder: name a file"),
        (["speed", "gtzanet", "-o", "/gone/x.md"], "there is no folder /gone"),
        (["report"], "the following arguments are required: RUN"),
        (["speed", "resnet"], "unknown network 'resnet'"),
        (["reprt", "x"], "reprt: no verb and no file of this name: did you mean report?"),
        (["speed"], "the following arguments are required: network"),
        (["report", "x", "--epochs", "5"], "unrecognized arguments: --epochs 5"),
        (["report", "x", "--data", "y"], "unrecognized arguments: --data y"),
        (["speed", "gtzanet", "--seed", "1"], "unrecognized arguments: --seed 1"),
        (["speed", "gtzanet", "--resume"], "unrecognized arguments: --resume"),
    ],
)
def test_misuse_is_one_sentence_and_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = entry(arguments)
    except SystemExit as stopped:  # how argparse ends
        code = stopped.code
    assert code == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_all_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = picture_tree(tmp_path / "tree", count=3)
    monkeypatch.chdir(tmp_path)
    assert entry(["gtzanet", "--data", str(data), "--split", "stratified", "--min-learning-rate", "inf"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


@pytest.mark.parametrize(
    ("split", "flags", "keep"),
    [
        ("paper", [], "last"),
        ("folders", [], "best"),
        ("stratified", ["--keep", "last"], "last"),
        ("paper", ["--keep", "best"], "best"),
    ],
)
def test_which_epoch_is_kept_depends_on_the_split(
    monkeypatch: pytest.MonkeyPatch, split: str, flags: list[str], keep: str
) -> None:
    """The split is that of the dataset where no flag names one."""
    parts: dict[str, tuple[str, ...]] = {"train": (), "validation": (), "test": ()}
    index = SimpleNamespace(kind="pictures", bad=(), doubtful=[], duplicates=(), items=(), parts=(), classes=("a", "b"))
    dataset = SimpleNamespace(
        index=index, split=SimpleNamespace(**parts, name=split, missing=(), seed=None), recordings={}, alike=()
    )
    recipes: list[Recipe] = []

    def stop(model: str, dataset: object, spec: object, seed: int, recipe: Recipe, *_: object) -> None:
        recipes.append(recipe)
        raise UsageError("enough")

    monkeypatch.setattr(start, "open_dataset", lambda *_, **__: dataset)
    monkeypatch.setattr(start, "prepare", lambda device, compute: compute)
    monkeypatch.setattr(run, "new_config", stop)
    assert entry(["gtzanet", "--data", "x", *flags]) == 2
    assert [recipe.keep for recipe in recipes] == [keep]


def test_resume_refuses_another_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "config.json", make_config().to_dict())
    assert entry(["zfnet", "--resume", str(tmp_path)]) == 2
    assert "this is a run of gtzanet, not of zfnet" in capsys.readouterr().err
    assert entry(["resnet", "--resume"]) == 2
    assert "unknown network 'resnet'" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[]", "{}", "", '{"format": 1, "model": 5}'])
def test_resume_refuses_a_damaged_configuration(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(content)
    assert entry(["--resume", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "config.json: " in error and error.count("\n") == 1


def test_report_says_what_it_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = str(Path(__file__).parents[2] / "docs" / "results" / "training.json")
    output = tmp_path / "results.md"
    assert entry(["report", published, published, "-o", str(output)]) == 0
    assert "each counts once" in capsys.readouterr().err
    assert output.read_text() == Path(published).with_suffix(".md").read_text()
    assert output.with_suffix(".json").read_text() == Path(published).read_text()


def test_report_leaves_out_what_is_not_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = str(Path(__file__).parents[2] / "docs" / "results" / "training.json")
    (tmp_path / "config.json").write_text("{}")
    assert entry(["report", published, str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out == Path(published).with_suffix(".md").read_text()
    assert err == f"left out: {tmp_path}: this run is not finished\n"
    assert entry(["report", str(tmp_path)]) == 2
    assert "none of these runs is finished" in capsys.readouterr().err


@pytest.mark.parametrize("library", ["rich", "tensorflow"])
def test_a_missing_library_names_the_extra(tmp_path: Path, library: str) -> None:
    data = picture_tree(tmp_path / "tree", count=5)
    arguments = ["gtzanet", "--data", str(data), "--split", "stratified", "--runs", str(tmp_path / "runs")]
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        f"from toolkit.command import start; sys.exit(start('train', 'train', {arguments!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert library in done.stderr and "pip install 'gtzanet-edge[train]'" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_no_dataset_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    assert entry(["gtzanet"]) == 2
    assert "--data" in capsys.readouterr().err
    monkeypatch.setenv("GTZAN_ROOT", "")
    assert entry(["gtzanet"]) == 2
    assert "--data" in capsys.readouterr().err


def test_nothing_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["--resume", "--runs", str(tmp_path)]) == 1
    assert "no unfinished run" in capsys.readouterr().err
    assert entry(["--resume", str(tmp_path / "gone")]) == 1
    assert "not a run folder" in capsys.readouterr().err


def test_summary_needs_no_tensorflow() -> None:
    code = (
        "import sys; from train.cli import entry; entry(['zfnet', '--summary']); sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "58,301,578" in done.stdout


@pytest.mark.slow
def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    data = picture_tree(tmp_path / "tree", count=5)
    command = [
        sys.executable,
        "-m",
        "train",
        "gtzanet",
        "--data",
        str(data),
        "--split",
        "stratified",
        "--device",
        "gpu",
    ]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [*command, "--runs", str(tmp_path / "runs")], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "or use --device cpu" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
