"""Two workers train what one does, but for rounding, and end with the same weights where one of them is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.toolkit.trees import picture_tree
from toolkit.files import read_json
from train.cluster import VARIABLE, Cluster, local_cluster

RECIPE = ("--split", "stratified", "--epochs", "3", "--batch-size", "8", "--shards", "4", "--threads", "1")
TWO = ("--strategy", "multiworker", "--workers", "2")
ROUNDING = 5e-5
"""Of the largest value. Sums of a few thousand float32 products, 6e-8 each, in another order differ by about 1e-6; nine
steps with momentum 0.9 add ten of them up. Another dropout mask in one step moves weights by 1e-2."""

pytestmark = pytest.mark.slow


def begin(*arguments: object, cluster: Cluster | None = None) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if cluster:
        environment[VARIABLE] = cluster.to_json()
    command = [sys.executable, "-m", "train", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[str]) -> str:
    """Wait for a good end and return what was printed to stderr."""
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    return errors


def kill_after_an_epoch(run: Path, process: subprocess.Popen[str], victim: int) -> None:
    while not (run / "checkpoint.npz").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.kill(victim, 9)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset whose last batch has one item, so that one worker has none of it."""
    return picture_tree(tmp_path_factory.mktemp("data") / "tree", count=11)


def flags(data: Path, runs: Path, name: str) -> tuple[object, ...]:
    return ("gtzanet", "--data", data, "--runs", runs, "--name", name, "--device", "cpu", *RECIPE)


@pytest.fixture(scope="module")
def two(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of two workers that nobody kills."""
    runs = tmp_path_factory.mktemp("runs")
    end(begin(*flags(data, runs, "two"), *TWO))
    return runs / "two"


def weights(run: Path) -> list[np.ndarray]:
    import tf_keras

    return list(tf_keras.models.load_model(run / "model.keras", compile=False).get_weights())


def test_two_workers_train_what_one_does(data: Path, two: Path, tmp_path: Path) -> None:
    end(begin(*flags(data, tmp_path, "one")))
    end(begin(*flags(data, tmp_path, "mirrored"), "--strategy", "mirrored", "--workers", "2"))
    one = tmp_path / "one"
    for other in (two, tmp_path / "mirrored"):
        for mine, theirs in zip(weights(one), weights(other), strict=True):
            assert np.abs(mine - theirs).max() <= ROUNDING * np.abs(mine).max()
        for entries in zip(read_json(one / "history.json"), read_json(other / "history.json"), strict=True):
            assert entries[0]["accuracy"] == entries[1]["accuracy"]
            for name in ("loss", "val_loss", "val_accuracy", "learning_rate"):
                assert entries[1][name] == pytest.approx(entries[0][name], rel=ROUNDING), name
        assert read_json(other / "metrics.json")["validation"] == read_json(one / "metrics.json")["validation"]


@pytest.mark.parametrize("index", [0, 1])
def test_a_killed_worker_is_started_again(data: Path, two: Path, tmp_path: Path, index: int) -> None:
    process = begin(*flags(data, tmp_path, "run"), *TWO)
    run = tmp_path / "run"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(workers := children.read_text().split()) < 2:
        time.sleep(0.1)
    kill_after_an_epoch(run, process, int(workers[index]))
    assert f"worker {index} died of SIGKILL: all start again from the last checkpoint\n" in end(process)
    for name in ("model.keras", "predictions.json"):
        assert (run / name).read_bytes() == (two / name).read_bytes(), name
    assert sorted(path.name for path in run.iterdir()) == sorted(path.name for path in two.iterdir())


def test_workers_of_tf_config_end_in_a_sentence_and_go_on(data: Path, two: Path, tmp_path: Path) -> None:
    """Each process is what one machine would run; only the first one's folder is written."""
    first = local_cluster(2)
    clusters = [Cluster(first.addresses, index) for index in range(2)]
    strategy = ("--strategy", "multiworker")
    pair = [
        begin(*flags(data, tmp_path / str(at), "run"), *strategy, cluster=cluster)
        for at, cluster in enumerate(clusters)
    ]
    run = tmp_path / "0" / "run"
    kill_after_an_epoch(run, pair[0], pair[1].pid)
    _, errors = pair[0].communicate(timeout=120)
    sentence = f"python -m train: error: a worker is lost, of worker 1 ({first.addresses[1]})"
    assert pair[0].returncode == 1 and errors.splitlines()[-1].startswith(sentence), errors
    assert "Traceback" not in errors
    assert not (tmp_path / "1").exists()
    pair = [begin("--resume", run, cluster=cluster) for cluster in clusters]
    for process in pair:
        end(process)
    assert (run / "model.keras").read_bytes() == (two / "model.keras").read_bytes()


def test_workers_that_differ_are_refused(data: Path, tmp_path: Path) -> None:
    first = local_cluster(2)
    pair = [
        begin(
            *flags(data, tmp_path, f"run{at}"),
            *("--strategy", "multiworker", "--seed", str(at)),
            cluster=Cluster(first.addresses, at),
        )
        for at in range(2)
    ]
    for process in pair:
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 1 and "the workers do not begin alike" in errors.splitlines()[-1], errors
    assert not list(tmp_path.iterdir())


def test_replicas_step_as_one_does() -> None:
    """Dropout, class weights, soft labels, batch norm, averages, 16 bits and idle replicas: nothing but rounding."""
    script = Path(__file__).with_name("replicas.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    for name, case in json.loads(done.stdout).items():
        # Of 16 bits, the items of a shard that two replicas divide are rounded to 10 bits before they are added up.
        assert case["difference"] <= (2e-3 if "16 bits" in name else 1e-4), (name, case)
        assert case["moves"] >= 4 and case["long_sums"] <= 0, (name, case)
